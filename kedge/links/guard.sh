# Runs one long command until it ends, or until stdin does: whoever reads its output has then left, and a command
# that writes nothing would never notice. Arguments: the command, and a word that marks where its output begins.
printf '\n#%s go\n' "$2"
export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" # sudo has put its own in place
exec 3<&0
apart=
if command -v setsid >/dev/null 2>&1; then apart=setsid; else set -m; fi
(exec $apart /bin/sh -c "$1" </dev/null 3<&-) &
pid=$!
signal() { kill "-$1" "-$pid" || kill "-$1" "$pid"; }
(
  cat <&3
  signal TERM
  sleep 2
  signal KILL
) >/dev/null 2>&1 &
dog=$!
exec 3<&-
wait "$pid"
code=$?
kill "$dog" 2>/dev/null
exit "$code"
