"""The band's services and characteristics: eight at most, none comes or goes with a strip."""

from bluetooth import UUID

from veriband_protocol import uuids

_READ = 0x0002 | 0x0200 | 0x0400  # encrypted, authenticated
_WRITE = 0x0008 | 0x1000 | 0x2000
_NOTIFY = 0x0010 | 0x8000  # newer NimBLE: the subscription needs encryption
_INDICATE = 0x0020 | 0x8000
_NOTIFY_BROADCAST = 0x0010  # anybody may subscribe; Radio.tell decides who is told
_WRITE_BUFFER = 64

_TABLE = (
    (uuids.DEVICE_INFORMATION, (
        (uuids.MANUFACTURER_NAME, _READ),
        (uuids.MODEL_NUMBER, _READ),
        (uuids.SERIAL_NUMBER, _READ),
        (uuids.FIRMWARE_REVISION, _READ),
    )),
    (uuids.BATTERY, (
        (uuids.BATTERY_LEVEL, _READ | _NOTIFY),
    )),
    (uuids.CURRENT_TIME_SERVICE, (
        (uuids.CURRENT_TIME, _READ | _NOTIFY),
        (uuids.LOCAL_TIME_INFORMATION, _READ),
    )),
    (uuids.JOURNAL_SERVICE, (
        (uuids.JOURNAL_STATE, _READ),
        (uuids.JOURNAL_REQUEST, _WRITE),
        (uuids.JOURNAL_DATA, _NOTIFY),
    )),
    (uuids.CONTROL_SERVICE, (
        (uuids.CONTROL_REQUEST, _WRITE),
        (uuids.CONTROL_RESPONSE, _NOTIFY),
    )),
    (uuids.HEART_RATE, (
        (uuids.HEART_RATE_MEASUREMENT, _NOTIFY_BROADCAST),
        (uuids.BODY_SENSOR_LOCATION, _READ),
    )),
    (uuids.PULSE_OXIMETER, (
        (uuids.PLX_SPOT_CHECK, _INDICATE),
        (uuids.PLX_FEATURES, _READ),
    )),
    (uuids.BLOOD_PRESSURE, (
        (uuids.BLOOD_PRESSURE_MEASUREMENT, _INDICATE),
        (uuids.BLOOD_PRESSURE_FEATURE, _READ),
    )),
)  # fmt: skip


class Table:
    """What was registered: the handle of each characteristic."""

    def register(self, ble) -> None:
        """Register the services with a bluetooth.BLE that is active."""
        handles = ble.gatts_register_services(
            tuple(
                (UUID(service), tuple((UUID(uuid), flags) for uuid, flags in characteristics))
                for service, characteristics in _TABLE
            )
        )
        self.description = handles[0]
        (self.battery,) = handles[1]
        self.current_time, self.local_time = handles[2]
        self.journal_state, self.journal_request, self.journal_data = handles[3]
        self.control_request, self.control_response = handles[4]
        self.heart_rate, self.sensor_location = handles[5]
        self.spot_check, self.oximeter_features = handles[6]
        self.blood_pressure, self.blood_pressure_features = handles[7]
        self.indicated = (self.spot_check, self.blood_pressure)
        for handle in (self.journal_request, self.control_request):
            ble.gatts_set_buffer(handle, _WRITE_BUFFER)
