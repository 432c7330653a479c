#!/bin/sh
# usage: start.sh [CONFIGURATION]
# Runs coturn with what the environment adds to the configuration. Secrets stay out of its arguments.
#
#   TURN_SECRET     as control's: credentials that expire; while it is changed, NEW,OLD; or ...
#   TURN_USERNAME, TURN_PASSWORD   ... as control's: the same for all clients
#   TURN_PEERS      addresses of the workers that clients are told (MEDIA_PUBLIC_IPS), or ranges FIRST-LAST;
#                   separated by commas
#   TURN_REALM      a name for this service, as turn.example.com
#   TURN_CERT       the certificate's chain (PEM), and ...
#   TURN_KEY        ... its key; none: no TLS
#   TURN_PORT       UDP and TCP; 3478
#   TURN_TLS_PORT   TLS; 5349
set -eu
umask 077

if [ -z "${TURN_SECRET:-}" ]; then
    : "${TURN_USERNAME:?and TURN_PASSWORD, or TURN_SECRET, must be those of control}"
    : "${TURN_PASSWORD:?must be that of control}"
fi
: "${TURN_PEERS:?must name the addresses of the workers}"
: "${TURN_REALM:?must be a name, as turn.example.com}"
case $TURN_PEERS in
    *[!0-9a-fA-F.:,\ -]*) echo "TURN_PEERS: must be addresses, not names" >&2 && exit 1 ;; # coturn would pass over them
esac
if [ "${TURN_CERT:-}" ]; then # coturn itself would go on without TLS
    cat "$TURN_CERT" "${TURN_KEY:?belongs to TURN_CERT}" >/dev/null
fi

lines() { # of an option, for values that are separated by commas
    echo "$2" | tr -d ' ' | tr ',' '\n' | sed "/^$/d; s/^/$1=/"
}

own=$(mktemp -d) # the configuration with the secret; where coturn writes
{
    cat "${1:-$(dirname "$0")/turnserver.conf}"
    if [ "${TURN_SECRET:-}" ]; then
        lines static-auth-secret "$TURN_SECRET"
        echo user-quota=24 # allocations by one credential: one for each URL of TURN_URLS and each network interface
    else
        echo lt-cred-mech
        echo "user=$TURN_USERNAME:$TURN_PASSWORD"
    fi
    echo "realm=$TURN_REALM"
    echo "listening-port=${TURN_PORT:-3478}"
    lines allowed-peer-ip "$TURN_PEERS"
    if [ "${TURN_CERT:-}" ]; then
        echo "tls-listening-port=${TURN_TLS_PORT:-5349}"
        echo "cert=$TURN_CERT"
        echo "pkey=$TURN_KEY"
    else
        echo no-tls
    fi
    echo "userdb=$own/turndb"
    echo "pidfile=$own/turnserver.pid"
} >"$own/turnserver.conf"
exec turnserver -c "$own/turnserver.conf"
