#!/bin/bash
# Sends requests for the kubelet port of edge nodes to CloudStream.
# Usage: iptables-metrics-setup.sh CLOUDCORE_IP
# Environment: TUNNEL_PORT (default 10350, as the deployment guide has it), STREAM_PORT (default 10003).
set -eu

cloudcore_ip=${1:?usage: iptables-metrics-setup.sh CLOUDCORE_IP}
tunnel_port=${TUNNEL_PORT:-10350}
stream_port=${STREAM_PORT:-10003}
rule="-p tcp --dport $tunnel_port -j DNAT --to $cloudcore_ip:$stream_port"

# shellcheck disable=SC2086  # the rule is a list of words
if iptables -t nat -C OUTPUT $rule 2>/dev/null; then
    echo "rule exists: $rule"
else
    iptables -t nat -A OUTPUT $rule
    echo "rule added: $rule"
fi
iptables -t nat -L OUTPUT -n
