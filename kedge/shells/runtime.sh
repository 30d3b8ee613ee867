# Runs a command in a container that is found by its pod's uid, with the runtime's own tool:
#   sh -c THIS NAME uid container tty command...
# tty is 1 for a terminal. Exit code 98: there is no such container; 97: no tool works here.
uid=$1 name=$2 tty=$3
shift 3
# sudo's secure_path often leaves out /usr/local/bin, where crictl, nerdctl and k3s's links are installed.
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/lib/rancher/rke2/bin"
t= i= keys= tried=
if [ "$tty" = 1 ]; then
  t=-t i=-i
  keys=--detach-keys=ctrl-],ctrl-] # docker's own, ctrl-p ctrl-q, would hold every ctrl+p back
fi

first() { # of the ids that a tool has listed
  tried="$tried $tool"
  id=${id%%[!0-9a-f]*}
  [ -n "$id" ]
}

# Become a tool. crictl ends with 1 whatever the command ended with, and tells the code in its last words on stderr;
# that there is no such program most tools only tell there. What a program on a terminal says never goes to stderr.
become() {
  {
    said=$({ "$@" 2>&1 >&3 3>&-; echo "=$?"; } | tail -c 65536)
  } 3>&1
  code=${said##*=} said=${said%=*}
  case $said in
  *'command terminated with exit code '*)
    code=${said##*command terminated with exit code }
    code=${code%%[!0-9]*}
    case $said in *time=*) said=${said%time=*} ;; *) said=${said%FATA*} ;; esac
    ;;
  *'executable file not found'* | *'no such file or directory'*) [ "$code" != 1 ] || code=127 ;;
  esac
  [ "$tty$code" = 10 ] || printf %s "$said" >&2 # of a terminal that ended well it is the tool's own chatter
  exit "$code"
}

for tool in crictl 'k3s crictl'; do
  command -v "${tool%% *}" >/dev/null 2>&1 || continue
  id=$($tool ps -q --state Running --label "io.kubernetes.pod.uid=$uid" --name "^$name\$" 2>/dev/null </dev/null) ||
    continue
  first && become $tool exec $i $t "$id" "$@"
done
for tool in 'nerdctl -n k8s.io' docker; do
  command -v "${tool%% *}" >/dev/null 2>&1 || continue
  id=$($tool ps -q --filter "label=io.kubernetes.pod.uid=$uid" --filter "label=io.kubernetes.container.name=$name" \
    2>/dev/null </dev/null) || continue
  [ "$tool" = docker ] || keys=
  first && become $tool exec $i $t $keys "$id" "$@"
done
for tool in ctr 'k3s ctr'; do
  command -v "${tool%% *}" >/dev/null 2>&1 || continue
  ctr="$tool --connect-timeout 3s -n k8s.io" # of itself it waits ten seconds for a containerd that is not there
  labelled="labels.\"io.kubernetes.pod.uid\"==$uid,labels.\"io.kubernetes.container.name\"==$name"
  ids=$($ctr containers ls -q "$labelled" 2>/dev/null </dev/null) || continue
  tasks=$($ctr tasks ls 2>/dev/null </dev/null) || continue
  id=
  for one in $ids; do # a container that was restarted is listed beside the one that has ended
    printf '%s\n' "$tasks" | grep -qE "^$one[[:space:]]+[0-9]+[[:space:]]+RUNNING" && id=$one
  done
  first && become $ctr tasks exec $t --exec-id "kedge-$$" "$id" "$@"
done
if [ -n "$tried" ]; then
  echo "no running container $name of pod $uid; asked:$tried" >&2
  exit 98
fi

# No tool: a process of the container, and its namespaces. The cgroup's path holds the pod's uid (with _ under systemd)
# and the container's id, which the kubelet's link to its log tells; without that link it is any process of the pod.
if command -v nsenter >/dev/null 2>&1; then
  id=
  for log in /var/log/containers/*_"$name"-*.log; do
    case $(readlink "$log" 2>/dev/null) in *"_$uid/$name/"*) id=${log##*-} id=${id%.log} ;; esac
  done
  pod="pod($uid|$(printf %s "$uid" | tr - _))"
  for group in $(grep -lsE "$pod.*$id" /proc/[0-9]*/cgroup 2>/dev/null); do
    pid=${group#/proc/}
    pid=${pid%/cgroup}
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in '' | */pause) continue ;; esac
    [ -n "$id" ] || echo "which container of the pod this is cannot be told: there is no log of $name" >&2
    exec nsenter -t "$pid" -m -u -i -n -p -r -- "$@"
  done
fi
echo "none of crictl, nerdctl, docker and ctr works here, and no process of pod $uid was found" >&2
exit 97
