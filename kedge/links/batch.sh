# The functions of a batch (kedge/links/script.py renders what stands around them). POSIX sh, and only tools
# that dash, bash and busybox systems have: cat date head id mkfifo rm sleep wc; setsid and sudo when present.
#
# $d is a private directory, on a tmpfs where there is one. Per command number: N.1 N.2 fifos of its output,
# N.out N.err the bytes kept, N.in its stdin, N.pid its process group while it runs, N.rc its exit code, N.late
# when its timeout passed, N.meta what is told about it. "done" carries numbers of finished commands to the one
# writer of frames, "todo" carries numbers to the root server.

export LC_ALL=C TZ=UTC PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
unset ENV CDPATH
mask=$(umask)

# A group of its own lets a command be killed with all its children. Without setsid (macOS) the job control of
# the shell makes one.
apart=
if command -v setsid >/dev/null 2>&1; then apart=setsid; fi

# %N is not POSIX: whoever lacks it prints something that is no number, and the reader drops it.
now() { date -u +%s.%N; }

frame() { printf '\n#%s %s\n' "$nonce" "$*"; }

signal_group() { kill "-$1" "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null; }

# Keep one byte more than the cap, so that a cut shows; drain the rest, so that the exit code stays honest.
keep() { head -c "$(($1 + 1))" || exit 9; exec cat >/dev/null; }

# After the command's timeout kill its group. If the command itself has ended and only something it left behind
# holds its output open, stop reading instead: that may be a service which was meant to stay.
guard() {
  nap=
  trap '[ -z "$nap" ] || kill "$nap"; exit' TERM
  sleep "$seconds" & nap=$!
  wait "$nap"
  if [ ! -e "$d/$1.rc" ]; then
    : >"$d/$1.late"
    signal_group TERM "$2"
    sleep 1 & nap=$!
    wait "$nap"
    signal_group KILL "$2"
    sleep 1 & nap=$!
    wait "$nap"
  fi
  kill "$3" "$4"
}

# Run one command to its end, in the background of the writer or of the root server.
job() {
  pick "$1"
  [ -n "$apart" ] || set -m
  began=$(now) cut=0 late=0 input=/dev/null
  if [ "$stdin" = 1 ]; then input=$d/$1.in; feed "$1" >"$input" || cut=1; fi
  mkfifo "$d/$1.1" "$d/$1.2"
  keep "$cap" <"$d/$1.1" >"$d/$1.out" 9>&- & out=$!
  keep "$cap" <"$d/$1.2" >"$d/$1.err" 9>&- & err=$!
  (umask "$mask"; exec $apart $sh -c "$text") <"$input" >"$d/$1.1" 2>"$d/$1.2" 9>&- & pid=$!
  echo "$pid" >"$d/$1.pid"
  guard "$1" "$pid" "$out" "$err" >/dev/null 9>&- & dog=$!
  wait "$pid"
  rc=$?
  echo "$rc" >"$d/$1.rc"
  wait "$out" || cut=1
  wait "$err" || cut=1
  kill "$dog"
  if [ -e "$d/$1.late" ]; then late=1; signal_group KILL "$pid"; fi
  : >"$d/$1.pid"
  set -- "$1" $(cd "$d" && wc -c "$1.out" "$1.err")
  set -- "$1" "$2" "$4"
  if [ "$2" -gt "$cap" ]; then set -- "$1" "$cap" "$3"; cut=1; fi
  if [ "$3" -gt "$cap" ]; then set -- "$1" "$2" "$cap"; cut=1; fi
  echo "$rc $late $cut $began $(now) $2 $3" >"$d/$1.meta"
  echo "$1" >&9
}

# Kill what still runs; only after the writer lost its reader is there anything.
reap() {
  for file in "$d"/*.pid; do
    if [ -s "$file" ] && read -r pid <"$file"; then signal_group KILL "$pid"; fi
  done
}

# The root server: one sudo for the whole batch, so one password and one line in the host's auth log. It ends
# with the writer, which holds the other end of "todo".
serve() {
  umask 022
  exec 9<>"$d/done"
  echo up >&9
  while read -r i; do job "$i" </dev/null & done <"$d/todo"
  reap
}

# Descriptors are closed by exec in a subshell: a function's own redirection would keep a copy open, and the end
# of "todo" would never come.

# sudo reads the password from a pipe that holds one line: it can neither ask for ever nor try twice.
raise() {
  set -- $sh -c 'd=$1 sh=$2; . "$d/lib"; serve' sh "$d" "$sh"
  case $sudo in
  password) head -n 1 | sudo -S -p '' -- "$@" ;;
  *) sudo -n -- "$@" </dev/null ;;
  esac >/dev/null 2>"$d/sudo.err"
  echo down >&9
}

note_sudo() { frame S "$1" "$(($(wc -c <"$d/sudo.err")))"; cat "$d/sudo.err"; }

tell() {
  pick "$1"
  read -r rc late cut began ended out err <"$d/$1.meta"
  frame A "$1" "$id" "$rc" "$late" "$cut" "$began" "$ended" "$out" "$err"
  if [ "$cut" = 1 ]; then
    head -c "$out" "$d/$1.out"
    head -c "$err" "$d/$1.err"
  else
    cat "$d/$1.out" "$d/$1.err"
  fi
}

# Without sudo no root command is run; if the root server dies half-way, what it was running is lost with it.
deny() {
  note_sudo "$1"
  for i in $theirs; do
    left=$((left - 1))
    if [ "$1" = denied ]; then pick "$i"; frame D "$i" "$id"; fi
  done
  left=$((left - away)) running=$((running - away)) theirs= away=0 gate=shut
}

open_gate() {
  gate=shut
  if [ "$1" = 0 ]; then mine=$all theirs=; fi
  roots=$theirs
  [ -n "$theirs" ] || return 0
  : >"$d/sudo.err"
  case $sudo in
  none) deny denied; return 0 ;;
  password) frame P ;;
  esac
  (exec <&5 5<&- 7>&-; raise) & server=$!
}

# Start commands until the fan-out is reached; root ones first, once there is a root server.
start_some() {
  while [ "$running" -lt "$fan" ]; do
    if [ -n "$theirs" ] && [ "$gate" = open ]; then
      i=${theirs%% *} theirs=${theirs#* }
      echo "$i" >&7
      away=$((away + 1))
    elif [ -n "$mine" ]; then
      i=${mine%% *} mine=${mine#* }
      (exec </dev/null 5<&- 7>&-; job "$i") &
    else
      return 0
    fi
    running=$((running + 1))
  done
}

finish() {
  trap - EXIT
  exec 7>&-
  [ -z "$server" ] || wait "$server"
  reap
  rm -rf "$d"
}

# The one writer of frames: everything else tells it through "done" what is ready.
main() {
  set -- "$(id -u)"
  server= running=0 away=0 left=$count
  trap finish EXIT
  trap 'exit 1' HUP INT TERM PIPE
  mkfifo "$d/done" "$d/todo" || exit 1
  exec 5<&0 7<>"$d/todo" 9<>"$d/done"
  frame K 1 "$count" "$1" "$(now)"
  exec 2>/dev/null
  open_gate "$1"
  start_some
  while [ "$left" -gt 0 ]; do
    read -r word <&9 || break
    case $word in
    up) gate=open; note_sudo open ;;
    down) if [ "$gate" = open ]; then deny lost; else deny denied; fi ;;
    *)
      running=$((running - 1)) left=$((left - 1))
      case " $roots " in *" $word "*) away=$((away - 1)) ;; esac
      ;;
    esac
    start_some
    case $word in up | down) ;; *) tell "$word" ;; esac
  done
  frame Z
}
