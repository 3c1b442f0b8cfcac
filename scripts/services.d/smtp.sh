# A mail server: aiosmtpd, from Debian's packages, run by scripts/smtp/server.py. What it takes is in a Maildir.
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly smtp_title="SMTP"
readonly smtp_untested="what is sent to a mail server"

smtp_find() {
    smtp_find_python || { install_packages python3-aiosmtpd && smtp_find_python; } ||
        leave_out smtp "there is no aiosmtpd, and no way to install it"
    command -v openssl >/dev/null || leave_out smtp "there is no openssl, to make its certificate"
}

# Sets smtp_python to a Python that has aiosmtpd; fails if there is none.
smtp_find_python() {
    for smtp_python in /usr/bin/python3 "$(command -v python3 || true)"; do
        [ -x "$smtp_python" ] && "$smtp_python" -c 'import aiosmtpd' 2>/dev/null && return 0
    done
    return 1
}

# An authority of this server's own, which vouches for it.
smtp_prepare() {
    {
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=ticketing tests" \
            -keyout "$folder/ca.key" -out "$folder/ca.pem"
        openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$folder/server.key" -out "$folder/server.csr"
        openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
            -days 30 -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out "$folder/server.pem"
    } >"$folder/openssl.log" 2>&1 || die "certificates could not be made: $(tail -n 5 "$folder/openssl.log")"
    head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/password"
}

smtp_command() {
    local plain=$port secured smtps
    # Once it has run, its doors stay where they are.
    if [ -f "$state_dir/smtp" ]; then
        read -r secured smtps <"$folder/secured"
    else
        until pick_port && [ "$port" -ne "$plain" ]; do :; done
        secured=$port
        until pick_port && [ "$port" -ne "$plain" ] && [ "$port" -ne "$secured" ]; do :; done
        smtps=$port
        port=$plain
        printf '%s %s\n' "$secured" "$smtps" >"$folder/secured"
    fi
    argv=("$smtp_python" "$root/scripts/smtp/server.py" "$plain" "$secured" "$smtps" "$folder"
        "$(cat "$folder/password")")
}

# Its other doors listen before this one does.
smtp_is_ready() { listens "$pid" "$port"; }

smtp_export() {
    local secured smtps password
    read -r secured smtps <"$folder/secured"
    password=$(cat "$folder/password")
    printf 'export TEST_SMTP_URL=smtp://127.0.0.1:%s\n' "$port"
    printf 'export TEST_SMTP_SECURED_URL=smtp://ticketing:%s@localhost:%s\n' "$password" "$secured"
    printf 'export TEST_SMTPS_URL=smtps://ticketing:%s@localhost:%s\n' "$password" "$smtps"
    printf 'export TEST_SMTP_FOLDER=%s\n' "$folder"
}

smtp_up() { process_up smtp; }
smtp_down() { process_down smtp; }
smtp_status() { process_status smtp; }
