# Replace the file $path by stdin: beside it first, then by rename. $want is the SHA-256 of the new content, $size
# its length. POSIX sh; what a host lacks (sha256sum, chcon) is gone without. Exits 66 without a folder, 77 without
# the right to keep the owner.

fail() { echo "$2" >&2; exit "$1"; }

# A symbolic link stays, the file it leads to is replaced.
hops=0
while [ -L "$path" ]; do
  hops=$((hops + 1))
  [ "$hops" -le 16 ] || fail 1 "too many symbolic links"
  # ls is the only POSIX way to read a link; "-> " may be part of the name itself, so that is cut off first.
  to=$(ls -ld -- "$path"; echo .)
  to=${to%??}
  to=${to#*"$path -> "}
  case $to in /*) path=$to ;; *) path=${path%/*}/$to ;; esac
done
[ ! -d "$path" ] || fail 1 "it is a folder"
folder=${path%/*}
[ -d "${folder:-/}" ] || fail 66 "there is no folder ${folder:-/}"

beside=$folder/.kedge-$$.new
trap 'rm -f -- "$beside"' EXIT
trap 'exit 1' HUP INT TERM

who() { ls -lnd -- "$1" | { read -r mode links user group rest; echo "${mode%[.+@]} $user $group"; }; }

umask 077
set -C
{ true >"$beside"; } 2>/dev/null || fail 77 "nothing can be written in ${folder:-/}"
set +C
if [ -e "$path" ]; then
  cp -p -- "$path" "$beside" || fail 1 "cp failed"
  [ "$(who "$path")" = "$(who "$beside")" ] || fail 77 "mode and owner of the file cannot be kept without root"
  if command -v chcon >/dev/null 2>&1; then chcon --reference="$path" -- "$beside" 2>/dev/null; fi
fi
cat >"$beside" || fail 1 "the new content cannot be written"
[ "$(($(wc -c <"$beside")))" = "$size" ] || fail 1 "the new content arrived incomplete"

digest() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"
  elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$1"
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1"
  else echo "$want" # nothing to reckon with: the length has to do
  fi
}
got=$(digest "$beside")
[ "${got%% *}" = "$want" ] || fail 1 "the new content arrived damaged"

# Old versions of sync take no file and sync everything.
sync "$beside" 2>/dev/null || sync
mv -f -- "$beside" "$path" || fail 1 "the rename failed"
trap - EXIT
sync "${folder:-/}" 2>/dev/null || sync
