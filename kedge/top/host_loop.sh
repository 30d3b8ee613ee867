# One frame every few seconds about this machine, until whoever reads leaves (kedge/top/script.py puts the values
# in front: nonce, interval, frames). POSIX sh and only what dash and busybox systems have: cat df getconf grep ls
# sed sleep sort uname. Nothing is written and nothing needs root. Forks are counted: an edge may be a one-core board.
#
# A line "#NONCE word …" is ours; the nonce, which nobody on this machine knows, keeps a process from making one up
# by its name. What changes rarely (disks, names, which container a process belongs to) is told every few frames.

export LC_ALL=C TZ=UTC PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
unset ENV CDPATH

say() { printf '#%s %s\n' "$nonce" "$*"; }

about() {
  say about
  uname -srm
  say page
  getconf PAGESIZE || sed -n '/^KernelPageSize/{p;q;}' /proc/self/smaps
  say ticks
  getconf CLK_TCK || echo 100
}

# Only file systems on devices of this machine: a dead network share would hold df up for ever.
disks() {
  set --
  seen=' '
  while read -r device mount type rest; do
    case $type in
    ext[234] | xfs | btrfs | f2fs | vfat | ubifs | jffs2 | zfs | bcachefs | ntfs3 | exfat) ;;
    overlay) [ "$mount" = / ] || continue ;;
    *) continue ;;
    esac
    case $seen in *" $device "*) continue ;; esac
    seen="$seen$device "
    # The kernel writes blanks in names as \040.
    set -- "$@" "$(printf %b "$(printf %s "$mount" | sed 's/\\\([0-7]\)/\\0\1/g')")"
  done </proc/mounts
  [ $# -gt 0 ] || set -- /
  say disks
  df -P -k "$@"
  say inodes
  df -P -i "$@"
}

names() {
  say containers
  ls /var/log/containers
  say pods
  ls /var/log/pods
}

# Which process belongs to which container: one line per process of one, of the one hierarchy that counts memory.
owners() {
  say owners
  grep -s -E '^(0:|[0-9]+:([a-z_,=]*,)?memory[,:]).*(pod|docker|containerd|crio|libpod|lxc)' /dev/null /proc/[0-9]*/cgroup
  set -f
  groups=$(grep -h -s -E '^(0:|[0-9]+:([a-z_,=]*,)?memory[,:]).*(pod|docker|crio|libpod)' /proc/[0-9]*/cgroup |
    sed -n 's/^[0-9]*:[^:]*:\(.*[0-9a-f]\{64\}[^/]*\).*/\1/p' | sort -u)
  set +f
}

# What containers use, from the same counters as the runtime's own statistics.
usage() {
  [ -n "$groups" ] || return 0
  say usage
  set -f
  set -- /dev/null
  for group in $groups; do
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
      if [ -e "$root$group/memory.current" ]; then
        set -- "$@" "$root$group/memory.current" "$root$group/memory.stat" "$root$group/cpu.stat"
        continue 2
      fi
    done
    set -- "$@" "/sys/fs/cgroup/memory$group/memory.usage_in_bytes" "/sys/fs/cgroup/memory$group/memory.stat" \
      "/sys/fs/cgroup/cpuacct$group/cpuacct.usage" "/sys/fs/cgroup/cpu,cpuacct$group/cpuacct.usage"
  done
  set +f
  grep -s -E '^([0-9]+|(usage_usec|inactive_file|total_inactive_file) [0-9]+)$' "$@"
}

# pid, state, user time, system time, threads, start, resident pages, name: the name last, since it may hold anything.
processes() {
  say processes
  grep -s . /dev/null /proc/[0-9]*/stat | sed "$process"
}
w='[^ ]*' n='\([^ ]*\)'
process="s/^\/proc\/[0-9]*\/stat:\([0-9]*\) (\(.*\)) \([A-Za-z]\) $w $w $w $w $w $w $w $w $w $w $n $n $w $w $w $w $n $w $n $w $n .*/\1 \3 \4 \5 \6 \7 \8 \2/"

frame() {
  say begin "$number"
  say time
  cat /proc/uptime
  [ $((number % 60)) != 1 ] || about
  [ $((number % 10)) != 1 ] || names
  [ $((number % 5)) != 1 ] || { disks; owners; }
  say load
  cat /proc/loadavg
  say cpu
  grep '^cpu' /proc/stat
  say memory
  grep -E '^(MemTotal|MemFree|MemAvailable|Buffers|Cached|SReclaimable|Shmem|SwapTotal|SwapFree):' /proc/meminfo
  say net
  cat /proc/net/dev
  say stalls
  grep -s . /dev/null /proc/pressure/cpu /proc/pressure/memory /proc/pressure/io
  say heat
  grep -s . /dev/null /sys/class/thermal/thermal_zone*/type /sys/class/thermal/thermal_zone*/temp
  usage
  processes
  say end "$number"
}

main() {
  number=0 groups=
  while [ "$number" -lt "$frames" ]; do
    number=$((number + 1))
    frame || exit 0
    # The second frame comes soon: rates need two.
    if [ "$number" = 1 ]; then sleep 1; else sleep "$interval"; fi
  done
}
