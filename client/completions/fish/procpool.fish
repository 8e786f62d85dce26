# Completion of procpool(1) in fish. Commands are listed here; options come from `procpool COMMAND --help`, and the names of
# functions, pools and requests from the daemon that the command line means: within a second, or not at all.

# The tool on the command line, with what it said about the daemon.
function __procpool_ask
    timeout 1 $__procpool_words $argv 2>/dev/null </dev/null
end

# "--name", or "--name=" if it has a value, a tab, and what it is for; in one line for each option of a command.
function __procpool_options
    ARGP_HELP_FMT= timeout 1 $__procpool_words[1] $argv --help 2>/dev/null | awk '
        function flush() { if (name != "") print name "\t" text; name = "" }
        /^  ? ? ? ? ?(-., )?--[a-z-]+/ {
            flush()
            match($0, /--[a-z-]+=?/)
            name = substr($0, RSTART, RLENGTH)
            text = substr($0, RSTART + RLENGTH)
            sub(/^[A-Z]* +/, "", text)
            next
        }
        name != "" && /^                    +[^ ]/ { sub(/^ +/, ""); text = text " " $0; next }
        { flush() }
        END { flush() }'
end

function __procpool_functions
    if string match -q '*/*' -- (commandline -ct)
        __procpool_ask functions | awk 'NR > 1 { sub(/\*$/, "", $1); print $2 "/" $1 "\t" $2 }'
    else
        __procpool_ask functions | awk 'NR > 1 { sub(/\*$/, "", $1); print $1 "\t" $2 }'
    end
end

function __procpool_pools
    __procpool_ask status | awk '/^POOL / { inside = 1; next } /^$/ { inside = 0 } inside { print $1 "\t" $2 }'
end

function __procpool_requests
    __procpool_ask requests | awk 'NR > 1 { print $1 "\t" $2 }'
end

function __procpool_commands
    printf '%s\t%s\n' map 'run a function over items' \
        apply 'run a function once' \
        status 'how the daemon is' \
        functions 'what the workers offer' \
        requests 'what runs and what waits' \
        cancel 'stop a request' \
        why 'what a request waits for' \
        resize 'give a pool more workers, or fewer' \
        drain 'finish the work at hand and take no new' \
        resume 'take work again' \
        reload 'read the configuration again' \
        ping 'whether the daemon answers' \
        run 'run a program on a private daemon'
end

# What may stand after --NAME=, each line after $argv[2], which is what the token has already.
function __procpool_value
    switch $argv[1]
        case --load --joblog --socket
            __fish_complete_path $argv[3]
        case --pool
            __procpool_pools
    end | string replace -r '^' -- "$argv[2]"
end

function __procpool_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -g __procpool_words $tokens[1]
    set -l command
    set -l arguments
    set -l value
    set -l plain
    set -l options (__procpool_options | string replace -r '\t.*' '')
    for token in $tokens[2..]
        if set -q value[1]
            contains -- $value --socket --load; and set -a __procpool_words $value $token
            set value
        else if set -q plain[1]
            set -a arguments $token
        else
            switch $token
                case --
                    set plain yes
                case --private
                    set -a __procpool_words --private --workers 1
                case '--socket=*' '--load=*'
                    set -a __procpool_words $token
                case '--*'
                    contains -- "$token=" $options; and set value $token
                case '-*'
                case '*'
                    if not set -q command[1]
                        set command $token
                        set options (__procpool_options $command | string replace -r '\t.*' '')
                    else
                        set -a arguments $token
                        test "$command" = run; and set plain yes
                    end
            end
        end
    end
    # Whatever a private worker would do when it starts, it is not to do that for a list of names.
    if string match -qr -- '^--worker(=|$)' $tokens
        set __procpool_words $tokens[1] --socket /nonexistent
    end

    if set -q value[1]
        __procpool_value $value '' $current
    else if test "$command" = run; and begin; set -q plain[1]; or not string match -q -- '-*' $current; end
        __fish_complete_subcommand --commandline $arguments $current
    else if not set -q plain[1]; and string match -q -- '--*=*' $current
        __procpool_value (string replace -r '=.*' '' -- $current) (string replace -r '=.*' '=' -- $current) (string replace -r '^[^=]*=' '' -- $current)
    else if not set -q plain[1]; and string match -q -- '-*' $current
        __procpool_options $command
    else if not set -q command[1]
        __procpool_commands
    else
        switch $command:(count $arguments)
            case map:0 apply:0
                __procpool_functions
            case 'map:*'
                contains -- --files $tokens; and __fish_complete_path $current
            case apply:1
                contains -- --strings $tokens; and __fish_complete_path $current
            case cancel:0 why:0
                __procpool_requests
            case resize:0
                __procpool_pools
        end
    end
end

complete -c procpool -f -a '(__procpool_complete)'
