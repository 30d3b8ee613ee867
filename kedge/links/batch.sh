# The functions of a batch (kedge/links/script.py renders what stands around them). POSIX sh, and only tools
# that dash, bash and busybox systems have: cat date head id mkfifo rm sleep wc; setsid and sudo when present.
# Forks are counted: an edge may be a one-core board that is asked every ten seconds.
#
# Everything happens in the private directory $d. Per command number: N.1 N.2 fifos of its output, N.out N.err
# the bytes kept, N.in its stdin, N.pid its process group and N.keep its readers while it runs, N.rc its exit
# code, N.late when its timeout passed, N.meta what is told about it. "done" carries numbers of finished commands
# to the one writer of frames, "todo" carries orders to the root server.

export LC_ALL=C TZ=UTC PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
unset ENV CDPATH
mask=$(umask)

# A group of its own lets a command be killed with all its children. Without setsid (macOS) the job control of
# the shell makes one.
apart=
if command -v setsid >/dev/null 2>&1; then apart=setsid; fi

frame() { printf '\n#%s %s\n' "$nonce" "$*"; }

# Seconds that only ever grow, without a fork where there is /proc. %N is not POSIX: whoever lacks it prints
# something that is no number, and the reader drops it.
stamp() { read -r up rest </proc/uptime || up=$(date -u +%s.%N); }

signal_group() { kill "-$1" "-$2" || kill "-$1" "$2"; }

# Keep a little more than the cap, so that a cut shows; drain the rest: a command that is killed for talking too
# much would have no honest exit code, and a repair would stop half-way. cat under a file size limit, because head
# holds back what it has until its input ends.
keep() {
  (ulimit -c 0; ulimit -f "$((cap / 512 + 2))"; exec cat) && return
  cat >/dev/null
  return 1
}

# Run one command to its end, in the background of the writer or of the root server.
job() {
  pick "$1"
  cut=0 late=0 input=/dev/null
  [ -n "$apart" ] || set -m
  if [ "$stdin" = 1 ]; then
    input=$1.in
    feed "$1" >"$input" || text='echo "no room for the input of this command" >&2; exit 125'
  fi
  stamp
  began=$up
  keep <"$1.1" >"$1.out" 9>&- & out=$!
  keep <"$1.2" >"$1.err" 9>&- & err=$!
  (umask "$mask"; cd /; exec $apart $sh -c "$text") <"$input" >"$1.1" 2>"$1.2" 9>&- & pid=$!
  echo "$out $err" >"$1.keep"
  echo "$pid" >"$1.pid"
  wait "$pid"
  rc=$?
  echo "$rc" >"$1.rc"
  wait "$out" || cut=1
  wait "$err" || cut=1
  if [ -e "$1.late" ]; then late=1; signal_group KILL "$pid"; fi
  : >"$1.pid"
  stamp
  echo "$rc $late $cut $began $up" >"$1.meta"
  echo "$1" >&9
}

# A command's time is up: kill its group. If the command itself has ended and only something it left behind holds
# its output open, stop reading instead: that may be a service which was meant to stay.
stop() {
  if [ -e "$2.rc" ]; then
    read -r out err <"$2.keep" && kill -KILL "$out" "$err"
  else
    : >"$2.late"
    read -r pid <"$2.pid" && signal_group "$1" "$pid"
  fi
}

# Kill what still runs; only after the writer lost its reader is there anything.
reap() {
  for file in *.pid; do
    if [ -s "$file" ] && read -r pid <"$file"; then signal_group KILL "$pid"; fi
  done
}

# The root server: one sudo for the whole batch, so one password and one line in the host's auth log. It ends
# with the writer, which holds the other end of "todo".
serve() {
  umask 022
  exec 9<>done
  echo up >&9
  while read -r order i; do
    case $order in
    run) job "$i" </dev/null & ;;
    *) stop "$order" "$i" ;;
    esac
  done <todo
  reap
}

# sudo reads the password from a pipe that holds one line: it can neither ask for ever nor try twice.
raise() {
  set -- $sh -c 'sh=$2; cd "$1" && . ./lib && serve' sh "$d" "$sh"
  case $sudo in
  password) head -n 1 | sudo -S -p '' -- "$@" ;;
  *) sudo -n -- "$@" </dev/null ;;
  esac >/dev/null 2>sudo.err
  echo down >&9
}

# Descriptors are closed by exec in a subshell: a function's own redirection would keep a copy open, and the end
# of "todo" would never come.
open_gate() {
  if [ "$1" = 0 ] || [ "$sudo" = none ]; then mine=$all theirs=; fi
  roots=$theirs
  [ -n "$theirs" ] || return 0
  [ "$sudo" != password ] || frame P
  (exec <&5 5<&- 7>&-; raise) & server=$!
}

note_sudo() { frame S "$1" "$(($(wc -c <sudo.err)))"; cat sudo.err; }

# Without sudo no root command is run; if the root server dies half-way, what it was running is lost with it.
deny() {
  note_sudo "$1"
  for i in $theirs; do
    left=$((left - 1))
    if [ "$1" = denied ]; then pick "$i"; frame D "$i" "$id"; fi
  done
  for i in $live; do
    case " $roots " in *" $i "*) left=$((left - 1)); forget "$i" ;; esac
  done
  theirs= gate=shut
}

tell() {
  pick "$1"
  read -r rc late cut began ended <"$1.meta"
  set -- "$1" $(wc -c "$1.out" "$1.err")
  out=$2 err=$4
  if [ "$out" -gt "$cap" ]; then out=$cap cut=1; fi
  if [ "$err" -gt "$cap" ]; then err=$cap cut=1; fi
  frame A "$1" "$id" "$rc" "$late" "$cut" "$began" "$ended" "$out" "$err" || exit 1
  if [ "$cut" = 1 ]; then
    head -c "$out" "$1.out"
    head -c "$err" "$1.err"
  elif [ "$out$err" != 00 ]; then
    cat "$1.out" "$1.err"
  fi
}

forget() {
  running=$((running - 1)) others=
  for other in $live; do [ "$other" = "$1" ] || others="$others $other"; done
  live=$others
}

# Start commands until the fan-out is reached; root ones first, once there is a root server.
start_some() {
  while [ "$running" -lt "$fan" ]; do
    if [ -n "$theirs" ] && [ "$gate" = open ]; then
      i=${theirs%% *} theirs=${theirs#* }
      echo "run $i" >&7
    elif [ -n "$mine" ]; then
      i=${mine%% *} mine=${mine#* }
      (exec </dev/null 5<&- 7>&-; job "$i") &
    else
      return 0
    fi
    running=$((running + 1)) live="$live $i"
    eval "since_$i=$clock"
  done
}

# Tell the writer that another second has passed, for as long as it lives.
tick_tock() {
  nap=
  trap 'kill "$nap"; exit' TERM
  while kill -0 $$; do
    sleep 1 & nap=$!
    wait "$nap"
    echo tick >&9
  done
}

# A second has passed: TERM for who is over time, KILL for who still is a second later.
tick() {
  clock=$((clock + 1))
  for i in $live; do
    pick "$i"
    eval "over=\$((clock - since_$i - seconds))"
    case $over in -* | 0) continue ;; 1) signal=TERM ;; *) signal=KILL ;; esac
    case " $roots " in *" $i "*) echo "$signal $i" >&7 ;; *) stop "$signal" "$i" ;; esac
  done
}

finish() {
  trap - EXIT
  trap '' HUP INT TERM PIPE # a second one must not stop the tidying up
  exec 2>/dev/null 7>&-
  [ -z "$ticker" ] || kill "$ticker"
  [ -z "$server" ] || wait "$server"
  reap
  cd /
  rm -rf "$d"
}

# The one writer of frames: everything else tells it through "done" what has happened.
main() {
  set -- "$(id -u)"
  server= ticker= gate=shut live= running=0 clock=0 left=$count
  trap finish EXIT
  trap 'exit 1' HUP INT TERM PIPE
  mkfifo done todo $fifos || exit 1
  exec 5<&0 7<>todo 9<>done
  stamp
  frame K 1 "$count" "$1" "$(date -u +%s.%N)" "$up"
  exec 2>/dev/null
  (exec >/dev/null 5<&- 7>&-; tick_tock) & ticker=$!
  open_gate "$1"
  start_some
  while [ "$left" -gt 0 ]; do
    read -r word <&9 || break
    case $word in
    tick) tick ;;
    up) gate=open; note_sudo open; start_some ;;
    down) if [ "$gate" = open ]; then deny lost; else deny denied; fi; start_some ;;
    *)
      # What outlived a lost root server has been given up already.
      case " $live " in *" $word "*) ;; *) continue ;; esac
      left=$((left - 1))
      forget "$word"
      start_some
      tell "$word"
      ;;
    esac
  done
  # The reader leaves at the last frame, and some servers then kill what still runs.
  finish
  frame Z
}
