"""The UUIDs of Veriband's own two services and of the standard ones it uses."""


def _own(slot: int) -> str:
    """The 128-bit UUID of Veriband's 16-bit `slot`."""
    return f"5a7b{slot:04x}-3c1e-4d52-9e0b-8f64c2a91d37"


JOURNAL_SERVICE = _own(0x0100)
JOURNAL_STATE = _own(0x0101)  # read: wire.JournalState
JOURNAL_REQUEST = _own(0x0102)  # write: wire.read_request
JOURNAL_DATA = _own(0x0103)  # notify: frames of a batch

CONTROL_SERVICE = _own(0x0200)
CONTROL_REQUEST = _own(0x0201)  # write: opcode and body
CONTROL_RESPONSE = _own(0x0202)  # notify: opcode | 0x80, status, body

COMPANY = 0xFFFF  # of the manufacturer data: no company, for tests and prototypes

DEVICE_INFORMATION = 0x180A
MANUFACTURER_NAME = 0x2A29
MODEL_NUMBER = 0x2A24
SERIAL_NUMBER = 0x2A25
FIRMWARE_REVISION = 0x2A26
BATTERY = 0x180F
BATTERY_LEVEL = 0x2A19
CURRENT_TIME_SERVICE = 0x1805
CURRENT_TIME = 0x2A2B
LOCAL_TIME_INFORMATION = 0x2A0F
HEART_RATE = 0x180D
HEART_RATE_MEASUREMENT = 0x2A37
BODY_SENSOR_LOCATION = 0x2A38
PULSE_OXIMETER = 0x1822
PLX_SPOT_CHECK = 0x2A5E
PLX_FEATURES = 0x2A60
BLOOD_PRESSURE = 0x1810
BLOOD_PRESSURE_MEASUREMENT = 0x2A35
BLOOD_PRESSURE_FEATURE = 0x2A49


def standard(short: int) -> str:
    """The 128-bit form of a 16-bit UUID of the Bluetooth SIG."""
    return f"{short:08x}-0000-1000-8000-00805f9b34fb"
