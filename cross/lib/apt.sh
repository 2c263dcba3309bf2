# shellcheck shell=bash disable=SC2016
# apt with lists, caches and sources of its own, so that the machine's configuration stays as it
# is. Sourced after common.sh.
#
# No address is written down here: apt is asked which mirror the machine uses. Signatures are
# verified by apt, against Debian's archive keyring. (SC2016: apt's formats look like the shell's.)

: "${weir_cache:?apt.sh is sourced after common.sh}"

weir_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The Debian release whose C libraries the product is linked with, whatever the host runs.
# shellcheck disable=SC2034 # for the scripts
weir_release=trixie

need_apt() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    die "no apt: Weir is built on Debian 12 (bookworm) or 13 (trixie)"
  fi
  [ -r "$weir_keyring" ] ||
    die "$weir_keyring is missing: apt-get install debian-archive-keyring"
}

# host_release: the host's code name.
host_release() {
  (
    # shellcheck source=/dev/null
    . /etc/os-release
    printf '%s\n' "${VERSION_CODENAME:-unknown}"
  )
}

# mirror_of SUITE: the address from which this machine's apt gets SUITE. Lists that were never
# updated do no harm: what apt has read is preferred, what its sources say is the fallback.
mirror_of() {
  local suite=$1 uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' \
    "Identifier: Packages" "Component: main" "Origin: Debian" "Codename: $suite" 2>/dev/null |
    head -n 1)
  [ -n "$uri" ] || uri=$(apt-get indextargets --no-release-info \
    --format '$(SIGNED_BY)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' "Identifier: Packages" |
    awk -F'|' -v suite="$suite" '
      $2 == suite && $3 == "main" { if ($1 ~ /debian-archive/) { first = $4; exit } any = $4 }
      END { print first ? first : any }')
  printf '%s\n' "$uri"
}

# apt_private NAME TYPES ARCHITECTURES SUITE...: makes .cross/apt/NAME, an apt of its own for the
# suites; TYPES is "deb" or "deb deb-src". NAME is then the first argument of apt_update and
# apt_run. The components are $weir_components, or main.
apt_private() {
  local name=$1 types=$2 architectures=$3 host main security suite uri folder architecture
  shift 3
  folder=$weir_cache/apt/$name
  host=$(host_release)
  main=$(mirror_of "$host")
  [ -n "$main" ] || die "apt knows no source for Debian $host main: see /etc/apt/sources.list.d"
  # A mirror without a security archive is a pity, not a failure.
  security=$(mirror_of "$host-security")
  mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
  {
    for suite in "$@"; do
      uri=$main
      case $suite in
      *-security) uri=$security ;;
      esac
      [ -n "$uri" ] || continue
      printf 'Types: %s\nURIs: %s\nSuites: %s\n' "$types" "$uri" "$suite"
      printf 'Components: %s\n' "${weir_components:-main}"
      printf 'Signed-By: %s\nArchitectures: %s\n\n' "$weir_keyring" "$architectures"
    done
  } >"$folder/new.sources"
  mv "$folder/new.sources" "$folder/weir.sources"
  mkdir -p "$folder/none"
  {
    # The machine's own configuration (proxies, say) is read before this file.
    printf 'Dir::Etc::sourcelist "%s";\n' "$folder/weir.sources"
    printf 'Dir::Etc::sourceparts "%s";\n' "$folder/none"
    printf 'Dir::Etc::preferencesparts "%s";\n' "$folder/none"
    printf 'Dir::State::lists "%s";\n' "$folder/lists"
    printf 'Dir::Cache "%s";\n' "$folder/cache"
    # apt as root would leave files there that apt as a user cannot replace.
    printf 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    printf 'Acquire::Languages "none";\n'
    printf 'Acquire::Retries "3";\n'
    printf 'Acquire::http::Timeout "30";\n'
    printf 'Acquire::https::Timeout "30";\n'
    printf 'APT::Install-Recommends "false";\n'
    printf 'APT::Get::AllowUnauthenticated "false";\n'
    printf 'Acquire::AllowInsecureRepositories "false";\n'
    # The hooks of the machine are about its own lists.
    printf '#clear APT::Update::Post-Invoke;\n'
    printf '#clear APT::Update::Post-Invoke-Success;\n'
    if [ "$architectures" != "$(dpkg --print-architecture)" ]; then
      printf '#clear APT::Architectures;\n'
      for architecture in $(dpkg --print-architecture) $architectures; do
        printf 'APT::Architectures:: "%s";\n' "$architecture"
      done
    fi
    # apt would drop to the user _apt, who may not be able to enter the checkout.
    printf 'APT::Sandbox::User "root";\n'
  } >"$folder/new.conf"
  mv "$folder/new.conf" "$folder/apt.conf"
}

# apt_reason LOG: in a few words, why apt failed.
apt_reason() {
  local line
  if line=$(grep -m 1 -E "NO_PUBKEY|EXPKEYSIG|not signed|invalid signature|BADSIG" "$1"); then
    printf 'a signature could not be verified (is debian-archive-keyring up to date?): '
  elif line=$(grep -m 1 -E "Temporary failure resolving|Could not resolve|Could not connect|\
Unable to connect|Cannot initiate|Network is unreachable|timed out|Connection refused" "$1"); then
    printf 'no network: '
  elif line=$(grep -m 1 -E "No space left|enough free space" "$1"); then
    printf 'not enough space: '
  else
    line=$(grep -m 1 -E '^E: ' "$1" || tail -n 1 "$1")
  fi
  line=${line#"${line%%[! ]*}"}
  printf '%s (all of it is in %s)\n' "${line#E: }" "$(relative "$1")"
}

# apt_watched WHAT LOG COMMAND...: as watched; a failure ends the script with its reason.
apt_watched() {
  local what=$1 log=$2
  weir_tail=0 watched "$@" || die "$what failed: $(apt_reason "$log")"
}

# apt_update NAME: reads the suites' lists.
apt_update() {
  apt_watched "reading Debian's package lists" "$weir_cache/apt/$1/update.log" \
    apt-get -c "$weir_cache/apt/$1/apt.conf" update --error-on=any
}

# apt_run NAME ARGUMENT...
apt_run() {
  local name=$1
  shift
  apt-get -c "$weir_cache/apt/$name/apt.conf" "$@"
}
