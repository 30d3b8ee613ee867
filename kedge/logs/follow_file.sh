# Prints one log file of this machine as it grows, through everything that rotates it, and between its bytes remarks
# of ours: lines "#" $tag word. The shell holds the file open, so what is written to it after it was renamed, and
# before anybody looks, is read too. POSIX sh on Linux, and of other programs only cat cksum dd ls sleep tail tr wc.
#
# kedge/logs/files.py puts the values in front ($file, $tag …) and what to do with the functions behind.

export LC_ALL=C

say() { printf '#%s%s\n' "$tag" "$*"; }

# Number and size of a file, whatever link leads to it.
known() {
  set -f
  set -- $(ls -inL -- "$1" 2>/dev/null)
  set +f
  node=$1 size=$6
  [ -n "$size" ]
}

# A number is given to another file once its first owner is gone; the first line tells them apart.
identity() {
  line=
  IFS= read -r line </proc/self/fd/3
  set -- $(printf %s "$line" | cksum)
  id=$node-$1
}

# The open file is the one of then; one that was empty then had no first line.
same() { [ "$id" = "$was" ] || [ "$was" = "$node-4294967295" ]; }

open() {
  known "$1" && command exec 3<"$1" && identity
}

here() { read -r _word pos </proc/self/fdinfo/3; }

# Go to a byte of the file that is open, whatever was read of it.
jump() {
  exec 3</proc/self/fd/3
  dd bs=1 skip="$1" count=0 <&3 2>/dev/null
}

# The byte where the last lines of the file that is open begin.
last_lines() {
  count=$(tail -n "$1" <&3 | wc -c)
  here
  at=$((pos - count))
}

pour() { cat <&3 || exit 0; }

# The file that is open is read to its end; a remark after it begins on a line of its own.
finish() {
  pour
  [ -z "$(tail -c 1 /proc/self/fd/3)" ] || echo
}

# What this file was called, or copied to, before it was rotated: names with something behind.
olds() { for old in "$file".* "$file"-*; do [ ! -f "$old" ] || echo "$old"; done; }
numbers() { olds | while IFS= read -r old; do known "$old" && printf ' %s ' "$node"; done; }

begin() {
  open "$file" || return 1
  at=0
  before=$(numbers)
}

# Whoever empties a file in place copies it first: into a file that was not there before.
copied() {
  here
  fresh=$(olds | while IFS= read -r old; do
    case $old in *.gz | *.xz | *.zst | *.bz2) continue ;; esac
    known "$old" || continue
    case $before in *" $node "*) ;; *) [ "$size" -lt "$pos" ] || echo "$old" ;; esac
  done)
  [ -n "$fresh" ] && [ -f "$fresh" ] && command exec 3<"$fresh" && jump "$pos" && finish
}

# A look at the name: the same file, another one, an emptied one, or none for now.
look() {
  if ! known "$file"; then
    missed=$((missed + 1))
    [ "$missed" != 4 ] || say gone # a rotation takes a moment
    return
  fi
  missed=0
  here
  if [ "$node" != "${id%-*}" ]; then
    sleep 1 # whoever writes may hold the old one for a moment
    finish
    say rotated
  elif [ "$size" -lt "$pos" ]; then
    if copied; then say rotated; else say emptied; fi
  else
    return
  fi
  begin && say at "$id" 0
}

follow() {
  missed=0
  while :; do
    pour
    sleep 1
    another
    look
  done
}

# Go on at byte $at of the file that was $was then, however it is called now.
resume() {
  if open "$file" && same; then
    [ "$size" -lt "$at" ] || return 0
    say emptied
    begin
    return
  fi
  found=$(olds | while IFS= read -r old; do
    if open "$old" && same; then echo "$old"; fi
  done)
  if [ -n "$found" ] && [ -f "$found" ]; then
    open "$found" && jump "$at" && finish
    between=$(olds | while IFS= read -r old; do [ ! "$old" -nt "$found" ] || echo "$old"; done)
    if [ -n "$between" ]; then say lost; else say rotated; fi
  else
    say lost
  fi
  begin
}
