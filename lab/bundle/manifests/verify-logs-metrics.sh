#!/bin/bash
# Shows what the deployment guide looks at by hand after an installation. Changes nothing.
set -u

if ! command -v kubectl >/dev/null 2>&1; then
    echo "kubectl is not installed on this machine; run this script where it is." >&2
    exit 1
fi
kubectl get pods -n kubeedge -l kubeedge=cloudcore
kubectl get configmap cloudcore -n kubeedge -o yaml | grep -A 5 'cloudStream:'
kubectl get nodes -l node-role.kubernetes.io/edge=
kubectl get pods -n kube-system -l k8s-app=metrics-server
kubectl get apiservice v1beta1.metrics.k8s.io
kubectl top node
kubectl top pod -A
iptables -t nat -L OUTPUT -n
