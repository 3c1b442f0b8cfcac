# NATS with JetStream, whose streams are kept in the throw-away folder.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly nats_title="NATS"
readonly nats_untested="the message bus on NATS"
readonly nats_version=v2.12.15

nats_find() {
    build_go_program nats "nats-server-$nats_version" "github.com/nats-io/nats-server/v2@$nats_version"
}

nats_prepare() { :; }

nats_command() {
    argv=("$cache_dir/nats-server-$nats_version/nats-server" -a 127.0.0.1 -p "$port" -js -sd "$folder/data")
}

# It listens only once its streams are there.
nats_is_ready() { listens "$pid" "$port"; }
nats_export() { printf 'export TEST_NATS_URL=nats://127.0.0.1:%s\n' "$port"; }

nats_up() { process_up nats; }
nats_down() { process_down nats; }
nats_status() { process_status nats; }
