# shellcheck shell=bash
# Functions that every script of cross/ shares: saying what happens and how far it is, failing in
# one line, locks, and the checks of what the machine must have. Sourced, never run.
#
# A script that sources this file has the variables
#   weir_root     the checkout
#   weir_cache    .cross: downloads, sysroots, the SDK bundle; safe to delete at any time
#   weir_out      .out: what the scripts make: binaries, images, logs

weir_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
weir_cache=$weir_root/.cross
# shellcheck disable=SC2034 # for the scripts
weir_out=$weir_root/.out
weir_name="cross/$(basename "$0")"

# The oldest compiler that builds Weir: InlineArray, Span and the Embedded library for Linux are
# new in 6.3.
weir_swift_minimum=6.3

# die MESSAGE: one line on standard error, then the end.
die() {
  progress_end
  printf '%s: error: %s\n' "$weir_name" "$*" >&2
  exit 1
}

# say MESSAGE: one line that stays.
say() {
  progress_end
  printf '%s\n' "$*"
}

# warn MESSAGE: one line on standard error; the run goes on.
warn() {
  progress_end
  printf '%s: warning: %s\n' "$weir_name" "$*" >&2
}

# steps COUNT, then step TITLE before each of them: "[2/5] unpacking".
weir_steps=0
weir_step=0
steps() {
  weir_steps=$1
  weir_step=0
}
step() {
  weir_step=$((weir_step + 1))
  if [ "$weir_steps" -gt 0 ]; then
    say "[$weir_step/$weir_steps] $*"
  else
    say "==> $*"
  fi
}

# progress TEXT: on a terminal one line, redrawn in place; nothing when the output is piped.
weir_progress=
progress() {
  [ -t 1 ] || return 0
  local columns
  columns=${COLUMNS:-$(tput cols 2>/dev/null || echo 80)}
  printf '\r\033[K    %s' "$(printf '%s' "$*" | tr -d '\r' | cut -c "1-$((columns - 6))")"
  weir_progress=1
}
progress_end() {
  [ -n "$weir_progress" ] || return 0
  printf '\r\033[K'
  weir_progress=
}

# watched TITLE LOG COMMAND...: runs the command with its output in LOG. Meanwhile the terminal
# shows the log's last line and the time; a pipe gets a line every 30 seconds. When the command
# fails, the last weir_tail lines of the log are shown and its status returned. A command that
# takes longer than weir_limit seconds is ended, with all that it started.
#
# The command is a process group of its own, which ends when this script is ended: see cleanup.
# Only a command that may ask for a password (weir_in_front=1) shares the terminal with us.
weir_limit=1200
weir_tail=25
weir_group=
weir_locks=()
watched() {
  local title=$1 log=$2 status=0 watcher
  shift 2
  mkdir -p "$(dirname "$log")"
  : >"$log"
  if [ -n "${weir_in_front:-}" ]; then
    watch_log "$title" "$log" 0 &
    watcher=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
  else
    set -m
    without_locks "$@" >"$log" 2>&1 </dev/null &
    weir_group=$!
    set +m
    watch_log "$title" "$log" "$weir_group" &
    watcher=$!
    wait "$weir_group" || status=$?
    weir_group=
  fi
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" -ne 0 ] && [ "$weir_tail" -gt 0 ]; then
    warn "$title failed with status $status; the end of $(relative "$log"):"
    tail -n "$weir_tail" "$log" | sed 's/^/    /' >&2
  fi
  return "$status"
}
watch_log() {
  local title=$1 log=$2 group=$3 start=$SECONDS ticks=0 elapsed line
  while kill -0 "$$" 2>/dev/null; do
    sleep 0.5
    ticks=$((ticks + 1))
    elapsed=$((SECONDS - start))
    if [ -t 1 ] || [ $((ticks % 60)) -eq 0 ]; then
      line=$(tail -c 400 "$log" 2>/dev/null | tr '\r' '\n' | grep -av '^ *$' | tail -n 1 || true)
      if [ -t 1 ]; then
        progress "$title, $elapsed s: $line"
      else
        printf '    %s, %s s: %s\n' "$title" "$elapsed" "$line"
      fi
    fi
    if [ "$group" -ne 0 ] && [ "$elapsed" -ge "$weir_limit" ]; then
      printf '\n%s: ended: it took longer than %s s\n' "$title" "$weir_limit" >>"$log"
      end_group "$group"
      return
    fi
  done
}

# without_locks COMMAND...: in a child, which must not hold a lock that outlives this script.
without_locks() {
  local handle
  for handle in "${weir_locks[@]}"; do
    exec {handle}>&-
  done
  "$@"
}

# descendants PID: the process and all that it started, a number a line.
descendants() {
  local child
  printf '%s\n' "$1"
  # shellcheck disable=SC2013 # they are words
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
    descendants "$child"
  done
}

# end_group GROUP: asks the processes of the group to end, as Ctrl-C would, and after ten seconds
# ends them. SwiftPM gives each compiler and each test a group of its own and forgets them when it
# is terminated; so the processes are listed first, and none of them may remain.
end_group() {
  local tick list remaining process
  mapfile -t list < <(descendants "$1")
  kill -INT -- "-$1" 2>/dev/null || true
  for ((tick = 0; tick < 100; tick++)); do
    remaining=()
    for process in "${list[@]}"; do
      if running "$process"; then
        remaining+=("$process")
      fi
    done
    [ ${#remaining[@]} -gt 0 ] || return 0
    # Not everything listens to an interrupt.
    [ "$tick" -ne 30 ] || kill -TERM "${remaining[@]}" 2>/dev/null || true
    sleep 0.1
  done
  kill -KILL "${remaining[@]}" 2>/dev/null || true
}
# running PID: it is there, and more than an entry that its parent has yet to collect.
running() {
  local state
  state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 1
  [ -n "$state" ] && [ "${state%% *}" != Z ]
}

# in_folder FOLDER COMMAND...
in_folder() {
  cd "$1" || return 1
  shift
  "$@"
}

# relative PATH: the path as a person in the checkout would write it.
relative() {
  printf '%s\n' "${1#"$weir_root"/}"
}

# usage: prints the calling script's header comment, for --help.
usage() {
  sed -n '2,/^[^#]/p' "$0" | sed -n 's/^# \{0,1\}//p'
}

# lock NAME [FOLDER]: one run at a time, of all checkouts that share .cross, or that share FOLDER.
# The lock is this process's, so it is gone when this ends.
lock() {
  local folder=${2:-$weir_cache} handle
  mkdir -p "$folder"
  exec {handle}>"$folder/lock-$1"
  weir_locks+=("$handle")
  if ! flock -n "$handle"; then
    say "waiting for another run of $weir_name to end"
    flock "$handle"
  fi
}

# scratch_folder: a new folder under .cross/tmp, on the same file system as what it will become,
# so that "mv" is one rename. It is removed when the script ends, however it ends.
weir_scratch=
scratch_folder() {
  if [ -z "$weir_scratch" ]; then
    mkdir -p "$weir_cache/tmp"
    weir_scratch=$(mktemp -d "$weir_cache/tmp/$(basename "$0").XXXXXX")
    chmod 755 "$weir_scratch"
  fi
}
cleanup() {
  [ -z "$weir_group" ] || end_group "$weir_group"
  [ -z "$weir_scratch" ] || rm -rf "$weir_scratch"
}
trap cleanup EXIT
trap 'progress_end; exit 130' INT
trap 'progress_end; exit 143' TERM HUP

# need_command COMMAND REMEDY
need_command() {
  command -v "$1" >/dev/null || die "$1 is missing: $2"
}

# need_space MEBIBYTES [FOLDER]: in the folder's file system; .cross if none is named.
need_space() {
  local folder=${2:-$weir_cache} free
  mkdir -p "$folder"
  free=$(df -Pm "$folder/." | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$1" ] ||
    die "not enough space: $1 MiB are needed in $folder, $free MiB are free"
}

# need_swift: a toolchain that can build Weir; sets weir_toolchain to its usr folder.
need_swift() {
  local version
  command -v swift >/dev/null ||
    die "no swift on PATH: install Swift $weir_swift_minimum or newer from swift.org/install"
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$version" ] || die "'swift --version' does not name a version: reinstall Swift"
  version_at_least "$version" "$weir_swift_minimum" ||
    die "Swift $version is too old: install $weir_swift_minimum or newer from swift.org/install"
  weir_toolchain=$(swiftc -print-target-info |
    sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p' | head -n 1)
  weir_toolchain=${weir_toolchain%/lib/swift}
  [ -d "$weir_toolchain/lib/swift/embedded" ] ||
    die "this Swift has no Embedded library: install the one for Debian from swift.org/install"
}

# version_at_least HAVE WANT
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# as_root COMMAND...: as it is for root, with sudo for everybody else.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing Debian packages needs root: run as root, or install sudo"
  fi
}

# check_architecture NAME
check_architecture() {
  case $1 in
  aarch64 | x86_64) ;;
  *) die "unknown architecture '$1': expected aarch64, x86_64 or all" ;;
  esac
}

# size_limit ARCH: the most bytes that the stripped binary may have, OpenSSL included. For a desk
# OpenSSL brings 0.6 MB of code for processors with AVX-512, and nobody flashes it; certificates and
# encryption at rest have brought it to 10 MB.
size_limit() {
  case $1 in
  aarch64) echo 9000000 ;;
  *) echo 10500000 ;;
  esac
}
