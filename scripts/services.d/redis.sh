# Redis as a cache: nothing is written to disk, so it is empty after every start. Only the program is installed, from
# Debian's redis-tools: redis-server would also start a system's service on the usual port.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly redis_title="Redis"
readonly redis_untested="the cache on Redis"

redis_find() {
    redis_program=$(command -v redis-server || true)
    [ -z "$redis_program" ] || return 0
    command -v redis-check-rdb >/dev/null || install_packages redis-tools ||
        leave_out redis "there is no redis-server, and no way to install it"
    # The checker and the server are one program, which does what its name says.
    fill_cache redis redis_link || die "redis-tools is installed, but has no redis-check-rdb"
    redis_program=$cache_dir/redis/redis-server
}

redis_link() { ln -s "$(command -v redis-check-rdb)" "$1/redis-server"; }

redis_prepare() { :; }

redis_command() {
    cat >"$folder/redis.conf" <<-CONF
		bind 127.0.0.1
		port $port
		save ""
		appendonly no
		dir $folder
		set-proc-title no
	CONF
    argv=("$redis_program" "$folder/redis.conf")
}

redis_is_ready() { listens "$pid" "$port"; }
redis_export() { printf 'export TEST_REDIS_URL=redis://127.0.0.1:%s\n' "$port"; }

redis_up() { process_up redis; }
redis_down() { process_down redis; }
redis_status() { process_status redis; }
