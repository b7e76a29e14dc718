"""What a plugin needs, and what loads plugins.

For whoever writes a plugin: `hookimpl`, the offers, and `gpucore.plugins.hookspecs` for what each
hook is asked. For gpucore and host applications: `PluginHost`.
"""

from gpucore.plugins.catalogue import AdapterEntry
from gpucore.plugins.host import PluginHost
from gpucore.plugins.markers import hookimpl
from gpucore.plugins.offers import (
    DeviceSource,
    DeviceWatch,
    Engine,
    EngineSpec,
    EngineTask,
    Exit,
    Prepared,
)
from gpucore.plugins.records import LoadedPlugin, Quarantined

__all__ = [
    "AdapterEntry",
    "DeviceSource",
    "DeviceWatch",
    "Engine",
    "EngineSpec",
    "EngineTask",
    "Exit",
    "LoadedPlugin",
    "PluginHost",
    "Prepared",
    "Quarantined",
    "hookimpl",
]
