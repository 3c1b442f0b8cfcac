# A service that is one process: started on a free port with a throw-away folder, stopped by its process id, and,
# for the tests of outages, started again on the same port with the same folder. Never touches a process that it
# didn't start: what is written down is its id and its whole command line, and both must still be so.
#
# A service NAME gives a title and what is untested without it (NAME_title, NAME_untested), and functions:
#   NAME_find       finds or installs the program, or calls leave_out
#   NAME_prepare    writes what the new $folder needs
#   NAME_command    sets the array argv to what is run, on $port with $folder
#   NAME_is_ready   whether $pid, with $port and $folder, takes requests
#   NAME_export     prints the export line for $port
# shellcheck shell=bash disable=SC2034,SC2154 # Names are shared with the other files of this folder.

readonly port_tries_max=20
readonly start_seconds_max=60
readonly stop_seconds_max=30

# Sets port to one below the range from which connections take theirs. A port can't be asked for and kept, so the
# server itself tries: it fails on one that is taken.
pick_port() { port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000)); }

# Reads the written state of "$1" into pid, port, folder, line; fails if there is none.
read_state() {
    [ -f "$state_dir/$1" ] || return 1
    {
        IFS= read -r pid && IFS= read -r port && IFS= read -r folder && IFS= read -r line
    } <"$state_dir/$1"
}

write_state() {
    printf '%s\n' "$pid" "$port" "$folder" "$line" >"$state_dir/$1.new"
    mv "$state_dir/$1.new" "$state_dir/$1"
}

# Prints the command line of a process; nothing if it has ended.
command_line() {
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true
}

# Whether that process is still the one that was started: a number may have gone to another.
is_running() { [ -n "$line" ] && [ "$(command_line "$pid")" = "$line" ]; }

# Whether the process "$1" itself listens on port "$2" of 127.0.0.1; another's port doesn't count.
listens() {
    local inode
    inode=$(awk -v at="$(printf '0100007F:%04X' "$2")" '$2 == at && $4 == "0A" { print $10 }' /proc/net/tcp)
    [ -n "$inode" ] && [ -n "$(find "/proc/$1/fd" -lname "socket:\[$inode\]" 2>/dev/null)" ]
}

# Sends the signal "$1" to $pid, and waits until it has ended.
end_process() {
    local gone=""
    kill -s "$1" "$pid" 2>/dev/null || true
    for _ in $(seq $((stop_seconds_max * 10))); do
        gone=$(command_line "$pid")
        [ -n "$gone" ] || return 0
        sleep 0.1
    done
    say "process $pid did not stop in $stop_seconds_max seconds, so it is killed"
    kill -KILL "$pid" 2>/dev/null || true
}

# Removes the folder of "$1", if it is one which this script made, and nothing else.
remove_folder() {
    case ${folder##*/} in
        "ticketing-$1."*) rm -rf -- "$folder" ;;
        *) die "won't remove $folder: it isn't a folder that this script made" ;;
    esac
}

# Runs "$1" on $port with $folder until it is ready. Returns 1 if a port is taken; dies if it doesn't come up.
launch() {
    local alive title="$1_title"
    "$1_command"
    # In a session of its own: a ctrl-c for the tests is none for it.
    setsid "${argv[@]}" </dev/null >"$folder/log" 2>&1 &
    pid=$!
    for _ in $(seq $((start_seconds_max * 10))); do
        alive=yes
        kill -0 "$pid" 2>/dev/null || alive=""
        if [ -n "$alive" ] && "$1_is_ready"; then
            line=$(command_line "$pid")
            return 0
        fi
        if grep -qi 'address already in use' "$folder/log"; then
            end_process TERM
            return 1
        fi
        [ -n "$alive" ] || break
        sleep 0.1
    done
    end_process KILL
    say "${!title} did not start; its log ends with:"
    tail -n 20 "$folder/log" >&2
    exit 1
}

# Starts "$1" if it doesn't run, and prints its export line.
process_up() {
    local title="$1_title" tries
    rm -f -- "$state_dir/$1.left-out"
    if read_state "$1" && is_running; then
        say "${!title} runs on 127.0.0.1:$port already"
        "$1_export"
        return
    fi
    # What one that died has left.
    process_down "$1"
    "$1_find"
    folder=$(mktemp -d "${TMPDIR:-/tmp}/ticketing-$1.XXXXXXXX")
    pid=""
    # Half a start leaves nothing behind.
    # shellcheck disable=SC2064 # The service's name is meant as it is now.
    trap "[ -z \"\$pid\" ] || end_process KILL; remove_folder $1" EXIT
    "$1_prepare"
    for tries in $(seq "$port_tries_max"); do
        pick_port
        ! launch "$1" || break
        [ "$tries" -lt "$port_tries_max" ] || die "${!title} found no free port in $port_tries_max tries"
    done
    write_state "$1"
    trap - EXIT
    say "${!title} runs on 127.0.0.1:$port ($folder)"
    "$1_export"
}

# Stops "$1" for good, and removes its data.
process_down() {
    local title="$1_title"
    rm -f -- "$state_dir/$1.left-out"
    read_state "$1" || return 0
    if is_running; then
        end_process TERM
        say "${!title} on 127.0.0.1:$port is stopped"
    fi
    remove_folder "$1"
    rm -f -- "$state_dir/$1"
}

# Says where "$1" runs; fails if it should and doesn't.
process_status() {
    local title="$1_title"
    if read_state "$1" && is_running; then
        say "${!title} runs on 127.0.0.1:$port ($folder)"
    elif [ -f "$state_dir/$1.left-out" ]; then
        say "${!title} is left out: $(cat "$state_dir/$1.left-out")"
    elif read_state "$1"; then
        say "${!title} is stopped; it was on 127.0.0.1:$port ($folder)"
        return 1
    else
        say "${!title} is not running"
        return 1
    fi
}

# Stops "$1" by the signal "$2" for a while: its folder and its port stay written down.
process_stop() {
    local title="$1_title"
    read_state "$1" || die "${!title} was not started here; start it with: eval \"\$(scripts/services up)\""
    if is_running; then
        end_process "$2"
        say "${!title} on 127.0.0.1:$port is stopped ($2)"
    else
        say "${!title} on 127.0.0.1:$port is stopped already"
    fi
}

# Starts "$1" again after process_stop, or after it died.
process_start() {
    local title="$1_title" tries
    read_state "$1" || die "${!title} was not started here; start it with: eval \"\$(scripts/services up)\""
    if is_running; then
        say "${!title} runs on 127.0.0.1:$port already"
        return
    fi
    "$1_find"
    pid=""
    trap '[ -z "$pid" ] || end_process KILL' EXIT
    for tries in $(seq "$port_tries_max"); do
        ! launch "$1" || break
        [ "$tries" -lt "$port_tries_max" ] || die "${!title} can't start again: 127.0.0.1:$port is taken"
        sleep 0.1
    done
    write_state "$1"
    trap - EXIT
    say "${!title} runs on 127.0.0.1:$port again"
}
