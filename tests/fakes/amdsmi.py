"""A stand-in for AMD's amdsmi 7.0: driven by the JSON file that FAKEAMDSMI_STATE names.

``{"devices": [{"uuid": …, "bdf": …, "error": {CALL: STATUS}, …}], "error": {CALL: STATUS}}``. As
the real one it prints when it is imported, and raises a KeyError where there is no ROCm.
"""

import json
import os
from enum import IntEnum
from pathlib import Path


def _state():
    return json.loads(Path(os.environ["FAKEAMDSMI_STATE"]).read_text())


print("amdsmi is imported")  # noqa: T201 - as the real one
if _state().get("no_library"):
    print("libamd_smi.so: cannot open shared object file")  # noqa: T201 - as the real one
    raise KeyError("libamd_smi.so")


class AmdSmiLibraryException(Exception):  # noqa: N818 - its real name
    def __init__(self, status):
        super().__init__(status)
        self.err_info = f"AMDSMI_STATUS_{status} - in words"


class AmdSmiTemperatureType(IntEnum):
    EDGE = 0
    HOTSPOT = 1


class AmdSmiTemperatureMetric(IntEnum):
    CURRENT = 0


class AmdSmiLinkType(IntEnum):
    AMDSMI_LINK_TYPE_INTERNAL = 0
    AMDSMI_LINK_TYPE_XGMI = 2
    AMDSMI_LINK_TYPE_PCIE = 1


def _faulty(name, state):
    status = state.get("error", {}).get(name)
    if status:
        raise AmdSmiLibraryException(status)


def _device(name, handle):
    state = _state()
    _faulty(name, state)
    device = state["devices"][handle]
    _faulty(name, device)
    return device


def amdsmi_init():
    _faulty("amdsmi_init", _state())


def amdsmi_get_processor_handles():
    state = _state()
    _faulty("amdsmi_get_processor_handles", state)
    return list(range(len(state["devices"])))


def amdsmi_get_gpu_device_bdf(handle):
    device = _device("amdsmi_get_gpu_device_bdf", handle)
    return device.get("bdf", f"0000:{handle + 1:02x}:00.0")


def amdsmi_get_gpu_device_uuid(handle):
    return _device("amdsmi_get_gpu_device_uuid", handle).get("smi_uuid", f"{handle:08x}-0000-1000")


def amdsmi_get_gpu_enumeration_info(handle):
    device = _device("amdsmi_get_gpu_enumeration_info", handle)
    return {
        "hip_id": device.get("hip", handle),
        "hsa_id": device.get("hsa", handle + 2),
        "hip_uuid": device.get("uuid", f"GPU-{handle:016x}"),
    }


def amdsmi_get_gpu_asic_info(handle):
    device = _device("amdsmi_get_gpu_asic_info", handle)
    return {
        "market_name": device.get("name", "AMD Instinct MI250X"),
        "asic_serial": device.get("serial", "N/A"),
    }


def amdsmi_get_gpu_vram_usage(handle):
    device = _device("amdsmi_get_gpu_vram_usage", handle)
    return {"vram_total": device.get("total", 65520), "vram_used": device.get("used", 10)}


def amdsmi_get_gpu_activity(handle):
    return {"gfx_activity": _device("amdsmi_get_gpu_activity", handle).get("busy", 0)}


def amdsmi_get_temp_metric(handle, sensor, metric):
    device = _device("amdsmi_get_temp_metric", handle)
    if sensor == AmdSmiTemperatureType.EDGE and device.get("no_edge"):
        raise AmdSmiLibraryException("NOT_SUPPORTED")
    return device.get("temperature", 40)


def amdsmi_get_power_info(handle):
    power = _device("amdsmi_get_power_info", handle).get("power", 90)
    return {"current_socket_power": "N/A", "average_socket_power": power}


def amdsmi_get_gpu_total_ecc_count(handle):
    return {"uncorrectable_count": _device("amdsmi_get_gpu_total_ecc_count", handle).get("ecc", 0)}


def amdsmi_get_gpu_process_list(handle):
    rows = _device("amdsmi_get_gpu_process_list", handle).get("processes", [])
    return [{"pid": pid, "memory_usage": {"vram_mem": mib * 2**20}} for pid, mib in rows]


def amdsmi_get_gpu_driver_info(handle):
    return {"driver_version": _device("amdsmi_get_gpu_driver_info", handle).get("driver", "6.12")}


def amdsmi_topo_get_numa_node_number(handle):
    return _device("amdsmi_topo_get_numa_node_number", handle).get("numa", 0)


def amdsmi_topo_get_link_type(one, other):
    linked = other in _device("amdsmi_topo_get_link_type", one).get("xgmi", [])
    return {"hops": 1, "type": 2 if linked else 1}
