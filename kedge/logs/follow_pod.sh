# Prints the log of one container from the files that the kubelet keeps of it: the newest, and the next one with every
# restart. kedge/logs/files.py puts follow_file.sh and the values in front: place (the folder), lines, since (seconds
# since 1970, or empty), fresh (awk: whether a line is not older than that), previous (not empty for the container
# before), uid and name (labels that crictl knows it by).

cd "$place" || {
  command -v crictl >/dev/null 2>&1 || exit 66
  id=$(crictl ps -a -q --label "$uid" --label "$name" | if [ -n "$previous" ]; then sed -n 2p; else sed -n 1p; fi)
  [ -n "$id" ] || {
    echo "crictl knows no such container" >&2
    exit 66
  }
  if [ -n "$since" ]; then set -- --since "$(($(date +%s) - since))s"; else set -- --tail "$lines"; fi
  [ -n "$previous" ] || set -- -f "$@"
  exec crictl logs -t "$@" "$id" 2>&1
}

newest() { ls | grep '^[0-9]*\.log$' | sort -t. -k1,1n | tail -n "$1" | head -n 1; }

another() {
  turn=$((turn + 1))
  [ $((turn % 2)) = 0 ] || return 0
  next=$(newest 1)
  if [ -z "$next" ]; then
    echo "the log files in $PWD are gone" >&2
    exit 66
  elif [ "$next" != "$file" ]; then
    sleep 1 # the old one may have its last lines written now
    finish
    file=$next
    say restarted "${file%.log}"
    begin
  fi
}

turn=0 tag=
if [ -n "$previous" ]; then file=$(newest 2); else file=$(newest 1); fi
if [ -z "$file" ] || ! begin; then
  echo "no log file in $PWD" >&2
  exit 66
fi
at=
if [ -n "$since" ]; then
  at=$(awk -v since="$since" "$fresh { printf \"%.0f\", bytes; exit } { bytes += length(\$0) + 1 }" <&3)
  if [ "$at" = 0 ]; then
    # All of it is asked for, so it may have been rotated, and the rest of the one before was not read either.
    old=$(ls -t "$file".* 2>/dev/null | grep -v '\.gz$' | head -n 1)
    if [ -n "$old" ] && awk -v since="$since" "$fresh { exit 1 }" "$old"; then old=; fi
    if [ -n "$old" ]; then
      say rotated
      awk -v since="$since" "$fresh { print }" "$old"
    fi
  fi
  lines=0
fi
[ -n "$at" ] || last_lines "$lines"
jump "$at"
if [ -n "$previous" ]; then
  pour
  exit
fi
follow
