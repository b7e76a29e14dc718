"""A domain for Scipion, in which tests write the steps of protocols."""

from __future__ import annotations

import pyworkflow.plugin
from pyworkflow.protocol import Protocol
from pyworkflow.viewer import Viewer
from pyworkflow.wizard import Wizard
from pyworkflowtests.objects import MockObject


class Plugin(pyworkflow.plugin.Plugin):
    """A plugin with protocols and nothing else."""

    @classmethod
    def _defineVariables(cls):
        pass

    @classmethod
    def getEnviron(cls):
        return None


class Domain(pyworkflow.plugin.Domain):
    """Scipion's own way to find protocols, and those of this folder."""

    _name = __name__
    _objectClass = MockObject
    _protocolClass = Protocol
    _viewerClass = Viewer
    _wizardClass = Wizard
    _baseClasses = {}

    @classmethod
    def _discoverPlugins(cls):
        super()._discoverPlugins()
        cls.registerPlugin(__name__)
