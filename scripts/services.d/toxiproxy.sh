# toxiproxy, which stands between a client and a service and breaks the connection on demand. Tests make their
# proxies by its API.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly toxiproxy_title="toxiproxy"
readonly toxiproxy_untested="what happens on a slow or broken connection"
readonly toxiproxy_version=v2.12.0

toxiproxy_find() {
    build_go_program toxiproxy "toxiproxy-$toxiproxy_version" \
        "github.com/Shopify/toxiproxy/v2/cmd/server@$toxiproxy_version"
}

# No proxies. The file is there so that the command line names the folder, and so can be told from any other's.
toxiproxy_prepare() { printf '[]\n' >"$folder/proxies.json"; }

toxiproxy_command() {
    # Its program has the name "server". Without a level, it writes a line for every request.
    argv=(env LOG_LEVEL=warn "$cache_dir/toxiproxy-$toxiproxy_version/server"
        -host 127.0.0.1 -port "$port" -config "$folder/proxies.json")
}

toxiproxy_is_ready() { listens "$pid" "$port"; }
toxiproxy_export() { printf 'export TEST_TOXIPROXY_URL=http://127.0.0.1:%s\n' "$port"; }

toxiproxy_up() { process_up toxiproxy; }
toxiproxy_down() { process_down toxiproxy; }
toxiproxy_status() { process_status toxiproxy; }
