# A throw-away PostgreSQL, from Debian's packages where it isn't installed. It keeps its durable settings (fsync,
# synchronous_commit): the tests are about what survives. It stops and starts by its own pg_ctl, as its own user.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly postgres_state=$state_dir/postgres

# Runs a command as the user that owns the cluster: PostgreSQL refuses to run as root.
postgres_as_owner() {
    if [ "$(id -u)" -ne 0 ]; then
        (cd / && "$@" </dev/null)
    else
        (cd / && runuser -u "$owner" -- "$@" </dev/null)
    fi
}

# Prints the folder of the newest initdb and pg_ctl, or nothing.
postgres_binaries() {
    local folder
    for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
            printf '%s\n' "$folder"
            return
        fi
    done
    if command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then
        dirname "$(command -v pg_ctl)"
    fi
}

postgres_install() {
    can_install || die "there is no PostgreSQL server here, and no way to install one: that needs apt-get, and root" \
        "or a sudo that asks for no password"
    install_packages postgresql || die "PostgreSQL could not be installed; see apt-get's words above"
}

# Picks the user that owns the cluster: whoever runs this, but for root, PostgreSQL's own or a new one.
postgres_pick_owner() {
    owner=$(id -un)
    if [ "$(id -u)" -eq 0 ]; then
        owner=postgres
        id "$owner" >/dev/null 2>&1 || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin "$owner"
    fi
}

# Reads the written state into owner, bin, cluster, port, url; fails if there is none.
postgres_read_state() {
    [ -f "$postgres_state" ] || return 1
    {
        IFS= read -r owner && IFS= read -r bin && IFS= read -r cluster && IFS= read -r port && IFS= read -r url
    } <"$postgres_state"
}

postgres_is_running() { postgres_as_owner "$bin/pg_ctl" -D "$cluster/data" status >/dev/null 2>&1; }

# Removes a folder that is a cluster which this script made, and nothing else.
postgres_remove_cluster() {
    case ${1##*/} in
        ticketing-postgres.*) rm -rf -- "$1" ;;
        *) die "won't remove $1: it isn't a folder that this script made" ;;
    esac
}

postgres_start() {
    bin=$(postgres_binaries)
    if [ -z "$bin" ]; then
        postgres_install
        bin=$(postgres_binaries)
        [ -n "$bin" ] || die "PostgreSQL was installed, but initdb and pg_ctl are not in /usr/lib/postgresql/*/bin"
    fi
    postgres_pick_owner

    local password started=""
    cluster=$(mktemp -d "${TMPDIR:-/tmp}/ticketing-postgres.XXXXXXXX")
    # Half a start leaves nothing behind.
    trap 'postgres_as_owner "$bin/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null 2>&1 || true; postgres_remove_cluster "$cluster"' EXIT
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s\n' "$password" >"$cluster/password"
    [ "$(id -u)" -ne 0 ] || chown -R "$owner" "$cluster"
    postgres_as_owner "$bin/initdb" -D "$cluster/data" -U ticketing --pwfile="$cluster/password" --encoding=UTF8 \
        --locale=C --auth=password >"$cluster/initdb.log" 2>&1 || die "initdb failed: $(tail -n 3 "$cluster/initdb.log")"
    cat >>"$cluster/data/postgresql.conf" <<-CONF
		listen_addresses = '127.0.0.1'
		unix_socket_directories = ''
		max_connections = 200
		fsync = on
		synchronous_commit = on
		full_page_writes = on
	CONF

    # A port can't be asked for and kept, so the server itself tries: it fails on one that is taken.
    for _ in $(seq "$port_tries_max"); do
        pick_port
        if postgres_as_owner "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/server.log" -o "-p $port" -w -t 60 start >/dev/null 2>&1
        then
            started=yes
            break
        fi
        grep -q 'Address already in use' "$cluster/server.log" || break
    done
    [ -n "$started" ] || die "PostgreSQL did not start: $(tail -n 5 "$cluster/server.log")"
    postgres_as_owner rm -f "$cluster/password"

    url=postgres://ticketing:$password@127.0.0.1:$port/postgres
    mkdir -p "$state_dir"
    (umask 077 && printf '%s\n' "$owner" "$bin" "$cluster" "$port" "$url" >"$postgres_state.new")
    mv "$postgres_state.new" "$postgres_state"
    trap - EXIT
    say "PostgreSQL runs on 127.0.0.1:$port ($cluster)"
}

postgres_down() {
    postgres_read_state || return 0
    if postgres_is_running; then
        postgres_as_owner "$bin/pg_ctl" -D "$cluster/data" -m fast -w -t 60 stop >/dev/null ||
            postgres_as_owner "$bin/pg_ctl" -D "$cluster/data" -m immediate -w -t 60 stop >/dev/null ||
            die "PostgreSQL of $cluster does not stop"
        say "PostgreSQL on 127.0.0.1:$port is stopped"
    fi
    postgres_remove_cluster "$cluster"
    rm -f -- "$postgres_state"
}

postgres_up() {
    if postgres_read_state && postgres_is_running; then
        say "PostgreSQL runs on 127.0.0.1:$port already ($cluster)"
    else
        postgres_down
        postgres_start
    fi
    printf 'export TEST_POSTGRES_URL=%s\n' "$url"
}

postgres_status() {
    if postgres_read_state && postgres_is_running; then
        say "PostgreSQL runs on 127.0.0.1:$port ($cluster)"
    else
        say "PostgreSQL is not running"
        return 1
    fi
}
