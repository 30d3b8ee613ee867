"""Asks: what can be asked of a link, as frozen semantic keys rather than command strings.

A live link renders an ask (:meth:`Ask.render`); a replay recognises the command that was recorded
(:func:`recognise`) and finds that it answers the same ask. Probes are written against asks only.
"""

from __future__ import annotations

from kedge.asks.api import Api, Events, PodExec, PodLog, Rights, is_api
from kedge.asks.base import Ask, HostAsk
from kedge.asks.certificates import CaFingerprint, Certificate, TlsPeer
from kedge.asks.files import DirList, File, FileStat
from kedge.asks.hosts import Clock, Journal, Login, Nat, Root, Service, Sockets
from kedge.asks.images import Images
from kedge.asks.keeper import Keeper
from kedge.asks.network import HttpGet, Tcp
from kedge.asks.recognise import recognise, recognise_kubectl
from kedge.asks.resources import DiskFree, Proc

__all__ = [
    "Api",
    "Ask",
    "CaFingerprint",
    "Certificate",
    "Clock",
    "DirList",
    "DiskFree",
    "Events",
    "File",
    "FileStat",
    "HostAsk",
    "HttpGet",
    "Images",
    "Journal",
    "Keeper",
    "Login",
    "Nat",
    "PodExec",
    "PodLog",
    "Proc",
    "Rights",
    "Root",
    "Service",
    "Sockets",
    "Tcp",
    "TlsPeer",
    "is_api",
    "recognise",
    "recognise_kubectl",
]
