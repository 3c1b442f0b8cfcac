# stripe-mock, Stripe's own checker of requests to its API. It picks its ports itself, and says which.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly stripe_title="stripe-mock"
readonly stripe_untested="what is sent to Stripe"
readonly stripe_mock_version=v0.203.0

stripe_find() {
    stripe_program=$(command -v stripe-mock || true)
    [ -z "$stripe_program" ] || return 0
    build_go_program stripe "stripe-mock-$stripe_mock_version" "github.com/stripe/stripe-mock@$stripe_mock_version"
    stripe_program=$cache_dir/stripe-mock-$stripe_mock_version/stripe-mock
}

stripe_prepare() { :; }
stripe_command() { argv=("$stripe_program" -http-addr 127.0.0.1:0 -https-addr 127.0.0.1:0); }

stripe_is_ready() {
    port=$(sed -n 's/^Listening for HTTP at address: 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$folder/log")
    [ -n "$port" ]
}

stripe_export() { printf 'export TEST_STRIPE_URL=http://127.0.0.1:%s\n' "$port"; }

stripe_up() { process_up stripe; }
stripe_down() { process_down stripe; }
stripe_status() { process_status stripe; }
