# What every service needs: words for the reader, packages of the distribution, and a cache of what was downloaded.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

say() { printf 'services: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Ends this service's part, well, where it can't be had: "$1" its name, "$2" why. Where it is required, that fails.
leave_out() {
    local title untested
    title="$1_title"
    untested="$1_untested"
    [ "${TICKETING_REQUIRE_SERVICES:-}" != 1 ] || die "${!title} is required, but $2"
    say "${!title} is left out: $2; ${!untested} is not tested"
    printf '%s\n' "$2" >"$state_dir/$1.left-out"
    exit 0
}

can_install() {
    command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || { command -v sudo && sudo -n true; } >/dev/null 2>&1; }
}

# Runs a command as root: directly, or by sudo if it asks for no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@" </dev/null
    else
        sudo -n "$@" </dev/null
    fi
}

# Installs packages of the distribution; fails if it can't. The lists of packages are only renewed if they have to be.
install_packages() {
    local install=(env DEBIAN_FRONTEND=noninteractive
        apt-get -o DPkg::Lock::Timeout=120 install -q -y --no-install-recommends "$@")
    can_install || return 1
    say "installing $* from the distribution's packages"
    { as_root "${install[@]}" || { as_root apt-get update -q && as_root "${install[@]}"; }; } >&2
}

# Makes the folder "$1" of the cache by running the rest with an empty folder as its last argument. It is there as a
# whole or not at all, also if two do this at once. Fails if that command does.
fill_cache() {
    local name=$1 filling
    shift
    [ ! -d "$cache_dir/$name" ] || return 0
    mkdir -p "$cache_dir"
    filling=$(mktemp -d "$cache_dir/.$name.XXXXXXXX")
    # shellcheck disable=SC2064 # The folder's name is meant as it is now.
    trap "remove_filling '$filling'" EXIT
    if "$@" "$filling" </dev/null >&2; then
        chmod 755 "$filling"
        # The other one's is as good, if there is another.
        mv -T "$filling" "$cache_dir/$name" 2>/dev/null || [ -d "$cache_dir/$name" ]
    else
        remove_filling "$filling"
        trap - EXIT
        return 1
    fi
    remove_filling "$filling"
    trap - EXIT
}

# Go's folders of modules are read-only.
remove_filling() {
    [ ! -d "$1" ] || { chmod -R u+w "$1" && rm -rf -- "$1"; }
}
