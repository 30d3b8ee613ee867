"""Known lines of CloudCore's log (facts 4.1, 4.2)."""

from __future__ import annotations

from kedge.i18n import _
from kedge.logs.signature import Signature, benign, failure, health

CLOUDCORE: tuple[Signature, ...] = (
    health("tunnel-accepted", r"get a new tunnel agent hostname (?P<node>[^\s,]+), internalIP"),
    health("request-ended", r"Tunnel session \[(?P<node>[^\]]+)\].* find edge peer done, so stop this connection"),
    health("stream-server-up", r"Prepare to start (tunnel|stream) server", "tunnel", "start"),
    health(
        "request-added", r"Add a new apiserver connection \S+ MessageID \d+ in ?to Tunnel session \[(?P<node>[^\]]+)\]"
    ),
    health("request-answered", r"APIServer_\w+Connection MessageID \d+ end successful", "requests"),
    health("port-written", r"Update node KubeletEndpoint Port successfully, node: (?P<node>[^\s,]+)"),
    health("hub-connected", r"edge node (?P<node>\S+) for project \S+ connected", "hub"),
    benign(
        "request-closed",
        r"send close message to edge successfully|Delete (a apiserver connection )?APIServer_",
        _("the end of a request"),
    ),
    benign(
        "certificates-loaded",
        r"Succeed in loading Tunnel(CA|Cert and Key) from (CloudHub|local directory)",
        _("CloudStream has its certificates"),
    ),
    benign("module-registered", r"Module cloudStream registered successfully", _("CloudStream is enabled")),
    benign(
        "chain-new",
        r"failed to delete all rules in tunnel port iptables chain",
        _("the first start of the iptables manager: there is no chain yet that could be emptied"),
    ),
    benign("record-cleaned", r"will delete CloudCore pod record, ip = ", _("a CloudCore left, and its entry with it")),
    benign("node-deleted", r"node \S+ is deleted, message for node will be cleaned up", _("a node was deleted")),
    benign(
        "probe-handshake",
        r"http: TLS handshake error from \S+: (EOF|.*connection reset by peer|tls: client didn't provide a certif)",
        _("somebody opened the port without a client certificate: a health check or a probe"),
    ),
    benign(
        "pod-not-found",
        r"can not get session key: get pod \S+ failed: pods \"[^\"]*\" not found",
        _("a log was asked for of a pod that does not exist"),
    ),
    benign(
        "late-message",
        r"Proxy tunnel message .* error can not find apiServer connection id",
        _("data came after the client had left"),
    ),
    failure(
        "cloudstream-disabled",
        r"Module cloudStream is disabled, do not register",
        _("CloudCore started with CloudStream disabled"),
        "KE112",
        "start",
    ),
    failure(
        "stream-certificate-refused",
        r"http: TLS handshake error from \S+: remote error: tls: (bad certificate|unknown certificate authority)",
        _("who asked CloudStream refused its certificate: Metrics Server without --kubelet-insecure-tls, or k3s"),
        "KE114",
        "certificate",
    ),
    failure(
        "no-session",
        r"can not find (?P<node>\S+) session",
        _("CloudStream has had no tunnel of {node} since it started"),
        "KE307",
    ),
    failure(
        "session-closed",
        r"the tunnel connection of Tunnel session \[(?P<node>[^\]]+)\] has closed",
        _("the tunnel of {node} was up and dropped"),
        "KE307",
    ),
    failure(
        "tunnel-lost",
        r"get Tunnel session \[(?P<node>[^\]]+)\] reader error",
        _("the tunnel of {node} was lost"),
        "KE306",
    ),
    failure(
        "cannot-read-pod",
        r"can not get session key: get pod \S+ failed: ",
        _("CloudCore may not or cannot read pods, so it cannot find the node of a request"),
        "KE501",
        "requests",
    ),
    failure(
        "node-unknown",
        r"Failed while getting a Node to retry updating node KubeletEndpoint Port, node: (?P<node>[^\s,]+)",
        _("a tunnel came from {node}, which is no node: hostnameOverride differs from the node's name"),
        "KE301",
    ),
    failure(
        "port-not-written",
        r"Failed to update node KubeletEndpoint Port, node: (?P<node>[^\s,]+)"
        r"|Update KubeletEndpoint Port of Node '(?P<node2>[^']+)' error",
        _("CloudCore could not write the kubelet port of {node}: rights on nodes/status, or a slow API server"),
        "KE301",
    ),
    failure(
        "not-an-upgrade",
        r"request was not an upgrade|Failed to upgrade the HTTP server connection to the WebSocket protocol",
        _("a proxy in between takes the WebSocket upgrade away; the ports need plain TCP passthrough"),
        "KE303",
    ),
    failure(
        "port-in-use",
        r"Start (tunnelServer|stream server) error listen tcp",
        _("another process holds CloudStream's port"),
        "KE117",
        "start",
    ),
    failure(
        "stream-certificate-missing",
        r"Read tls stream ca file error|TLSStream(PrivateKeyFile|CertFile|CAFile) not exist",
        _("CloudStream's certificate files are missing: mount the secret cloudcore"),
        "KE114",
        "start",
    ),
    failure(
        "tunnel-certificate-broken",
        r"Failed to load TLSTunnelCert and Key|Both of tunnelCert and key should be specified",
        _("CloudStream's tunnel certificate cannot be loaded"),
        "KE110",
        "start",
    ),
    failure(
        "client-certificate-refused",
        r"http: TLS handshake error from (?P<peer>\S+): .*(failed to verify (client('s)? )?certificate: x509|"
        r"certificate has expired)",
        _("an edge showed a certificate that CloudCore does not accept: another CA, or expired"),
        "KE305",
    ),
    failure(
        "record-lost",
        r"failed to get tunnel[- ]port (record|configmap)",
        _("ConfigMap tunnelport has lost its annotation"),
        "KE118",
        "record",
    ),
    failure(
        "iptables-broken",
        r"\"Failed to ensure (chain|rules)|error creating chain \\?\"TUNNEL-PORT",
        _("CloudCore's iptables manager cannot write NAT rules here"),
        "KE302",
        "iptables",
    ),
    failure(
        "tunnel-garbled",
        r"Read message from tunnel .* error|Websocket message type must be \d+ type",
        _("a tunnel carried what CloudStream does not understand, and was closed"),
        "KE306",
    ),
    failure(
        "iptables-table-missing",
        r"can't initialize iptables table|executable file not found in \$PATH",
        _("the iptables of CloudCore's image does not work here: legacy on an nft host, or none at all"),
        "KE302",
        "iptables",
    ),
    failure(
        "iptables-manager-down",
        r"unable to sync caches for iptables manager|Failed to build config, err: ",
        _("the iptables manager cannot reach the API server"),
        "KE302",
        "iptables",
    ),
    failure(
        "node-limit",
        r"Fail to serve node (?P<node>[^\s,]+), reach node limit",
        _("CloudHub takes no more nodes than nodeLimit, so {node} stays out"),
        "KE216",
        "hub",
    ),
    failure(
        "hub-rejected",
        r"The connection is rejected by CloudHub: node=\"?(?P<node>[^\s\",]+)",
        _("CloudHub rejected the connection of {node}"),
        "KE216",
        "hub",
    ),
    failure(
        "hub-silent",
        r"timeout to receive keepalive for node (?P<node>\S+)",
        _("{node} fell silent: CloudHub got no keepalive from it"),
        "KE216",
        "hub",
    ),
    failure(
        "hub-left",
        r"edge node (?P<node>\S+) for project \S+ disConnected",
        _("{node} left CloudHub"),
        "KE216",
        "hub",
    ),
)
