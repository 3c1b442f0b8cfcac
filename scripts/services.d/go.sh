# Go, and programs that are built with it into the cache. A Go that is too old for them fetches one that isn't from
# Go's own modules, as newer ones do by themselves.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

# The oldest that builds every program below, and the one that is fetched where there is an older one.
readonly go_minor_min=25
readonly go_fetched=1.25.12

# Whether "$1" is a Go that is new enough.
is_new_go() {
    local minor
    minor=$("$1" version 2>/dev/null | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge "$go_minor_min" ]
}

# Sets go to one that is new enough; fails if there is none.
find_go() {
    local system fetched=$cache_dir/go-$go_fetched/bin/go
    for go in "$(command -v go || true)" "$fetched"; do
        ! is_new_go "$go" || return 0
    done
    system=$(command -v go) || { install_packages golang-go ca-certificates && system=$(command -v go); } || return 1
    go=$system
    is_new_go "$go" || { fill_cache "go-$go_fetched" fetch_go "$system" && go=$fetched && is_new_go "$go"; }
}

# Fills the folder "$2" with a newer Go, by the older one "$1".
fetch_go() {
    local platform from
    platform=$("$1" env GOOS)-$("$1" env GOARCH)
    from=$2/modules/golang.org/toolchain@v0.0.1-go$go_fetched.$platform
    say "$("$1" version) is too old, so Go $go_fetched is fetched"
    (cd "$2" && GOMODCACHE=$2/modules "$1" mod download "golang.org/toolchain@v0.0.1-go$go_fetched.$platform") || return 1
    # A module holds no executables, and no go.mod but its own.
    chmod -R u+w "$from" && chmod +x "$from"/bin/* "$from"/pkg/tool/*/* &&
        find "$from" -name _go.mod -execdir mv _go.mod go.mod ';' &&
        mv "$from"/* "$2" && chmod -R u+w "$2/modules" && rm -rf -- "$2/modules"
}

# Builds the program of the service "$1" from the module "$3" into the folder "$2" of the cache.
build_go_program() {
    [ ! -d "$cache_dir/$2" ] || return 0
    find_go || leave_out "$1" "there is no Go to build it with, and no way to install one"
    say "building $3"
    fill_cache "$2" build_into "$3" || die "$3 could not be built; see Go's words above"
}

build_into() { (cd "$2" && GOTOOLCHAIN=local GOBIN=$2 "$go" install "$1"); }
