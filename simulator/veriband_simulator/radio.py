"""One Bluetooth radio: Bumble's controller with its defects put right, for use on our air."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportAttributeAccessIssue=false, reportUnknownArgumentType=false
# The decorators that make Bumble's commands hide their types.

from __future__ import annotations

import asyncio
import hashlib
from typing import Protocol

from bumble import controller, hci, link, ll
from bumble.core import PhysicalTransport

LL_OCTETS = 251  # the payload of one data PDU, with the data length extension
LL_TIME_US = 2120  # how long such a PDU lasts on the 1M PHY
RSSI_DBM = -60
MOST_CENTRALS = 4  # connections of a peripheral at once
_SLOT_S = 0.000625
_MOST_ADV_DELAY_S = 0.010
_Report = hci.HCI_LE_Advertising_Report_Event
_AdvType = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
_REPORT_TYPES: dict[int, int] = {
    _AdvType.ADV_IND: _Report.EventType.ADV_IND,
    _AdvType.ADV_SCAN_IND: _Report.EventType.ADV_SCAN_IND,
    _AdvType.ADV_NONCONN_IND: _Report.EventType.ADV_NONCONN_IND,
}


class Medium(Protocol):
    """What a radio needs of the air it is on. Addresses are strings in capitals."""

    interval_s: float
    supervision_s: float

    def send(self, source: str, target: str, content: bytes, flag: int = 0) -> None:
        """Queue a data PDU."""
        ...

    def forget_links(self, radio: RadioController) -> None:
        """Drop all connections of a radio."""
        ...

    def listening_changed(self) -> None:
        """Some radio began or ceased to advertise, scan or initiate."""
        ...


class Advertiser(controller.LegacyAdvertiser):
    """The parameters of advertising; the air sets `timer_handle`, while anybody listens."""

    started_s: float = 0.0

    @property
    def report_type(self) -> int:
        """How a scanner's host sees the adverts; only undirected advertising is simulated."""
        return _REPORT_TYPES[self.advertising_type]

    @property
    def is_scannable(self) -> bool:
        """Whether there is a scan response."""
        return self.advertising_type in (_AdvType.ADV_IND, _AdvType.ADV_SCAN_IND)

    @property
    def is_connectable(self) -> bool:
        """Whether a central may connect."""
        return self.advertising_type == _AdvType.ADV_IND

    def start(self) -> None:
        """Begin anew, from now on."""
        self.stop()
        self.enabled = True
        self.started_s = asyncio.get_running_loop().time()
        medium_of(self.controller).listening_changed()

    def stop(self) -> None:
        """Fall silent."""
        self.enabled = False
        if self.timer_handle is not None:
            self.timer_handle.cancel()
            self.timer_handle = None
        medium_of(self.controller).listening_changed()

    def next_instant_s(self, now_s: float, seed: int) -> float:
        """The first advertising event after `now_s`, the same whenever it is asked for.

        An event comes every interval plus 5 ms, the mean of the specified delay of 0 to 10 ms
        (Core 5.4, volume 6, part B, 4.4.2.2), and each is shifted within that delay.
        """
        period_s = self.advertising_interval_min * _SLOT_S + _MOST_ADV_DELAY_S / 2
        passed_s = now_s - self.started_s - _MOST_ADV_DELAY_S
        event = max(0, int(passed_s / period_s))
        while True:
            draw = hashlib.sha256(f"{seed} {self.address} {event}".encode()).digest()
            delay_s = int.from_bytes(draw[:4], "big") / 2**32 * _MOST_ADV_DELAY_S
            at_s = self.started_s + event * period_s + delay_s
            if at_s > now_s:
                return at_s
            event += 1


class RadioController(controller.Controller):
    """A controller with a fixed public address and legacy advertising.

    It differs from Bumble 0.0.236's in this: data PDUs of 251 octets, each of which is reported
    as completed when it was sent; connections report the interval and timeout that the air has;
    a connection attempt can be cancelled; a reset resets; scan responses are sent, adverts have
    their true interval; what the air loses is lost.
    """

    acl_data_packet_length = LL_OCTETS
    le_acl_data_packet_length = LL_OCTETS
    supported_max_tx_octets = LL_OCTETS
    supported_max_rx_octets = LL_OCTETS
    suggested_max_tx_octets = LL_OCTETS
    suggested_max_tx_time = LL_TIME_US
    le_features = controller.Controller.le_features & ~(
        hci.LeFeatureMask.LE_EXTENDED_ADVERTISING | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
    )

    def __init__(self, name: str, *, link: link.LocalLink, public_address: str) -> None:
        """Raises ValueError when somebody on the air has that address."""
        self.key = public_address.upper()
        self.is_on = True
        super().__init__(name, link=link, public_address=public_address)
        self.advertiser = Advertiser(self)
        self.le_legacy_advertiser = self.advertiser

    def switch_off(self) -> None:
        """No event, no command and no PDU gets through any more."""
        self.is_on = False
        self._fall_silent()

    def _fall_silent(self) -> None:
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.advertiser.stop()

    def initiates_to(self, other: RadioController) -> bool:
        """Whether this radio tries to connect to `other`."""
        pending = self.pending_le_connection
        return pending is not None and pending.peer_address == other.public_address

    def accepts(self, central: RadioController) -> bool:
        """Whether a request of `central` to connect would be answered."""
        taken = sum(c.role == hci.Role.PERIPHERAL for c in self.le_connections.values())
        known = central.public_address in self.le_connections
        return self.advertiser.is_connectable and taken < MOST_CENTRALS and not known

    # What the air brings. Keys are addresses.

    def _connection(self, key: str) -> controller.Connection | None:
        return self.le_connections.get(hci.Address(key, hci.Address.PUBLIC_DEVICE_ADDRESS))

    def on_connected(self, role: hci.Role, peer: hci.Address) -> None:
        """A connection to `peer` has begun."""
        medium = medium_of(self)
        if role == hci.Role.CENTRAL:
            self.pending_le_connection = None
        else:
            self.advertiser.stop()
        handle = self.allocate_connection_handle()
        self.le_connections[peer] = controller.Connection(
            controller=self,
            handle=handle,
            role=role,
            self_address=self.public_address,
            peer_address=peer,
            link=self.link,
            transport=PhysicalTransport.LE,
            link_type=hci.HCI_Connection_Complete_Event.LinkType.ACL,
        )
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_SUCCESS,
                connection_handle=handle,
                role=role,
                peer_address_type=peer.address_type,
                peer_address=peer,
                connection_interval=round(medium.interval_s / 0.00125),
                peripheral_latency=0,
                supervision_timeout=round(medium.supervision_s / 0.010),
                central_clock_accuracy=0,
            )
        )
        self.send_hci_packet(
            hci.HCI_LE_Data_Length_Change_Event(
                connection_handle=handle,
                max_tx_octets=LL_OCTETS,
                max_tx_time=LL_TIME_US,
                max_rx_octets=LL_OCTETS,
                max_rx_time=LL_TIME_US,
            )
        )

    def on_lost(self, peer: str, reason: int) -> None:
        """The connection to `peer` is over."""
        if connection := self._connection(peer):
            self.on_le_disconnected(connection, reason)

    def on_data(self, peer: str, payload: bytes, flag: int) -> None:
        """A data PDU has come in; `flag` is what its sender's host gave as boundary flag."""
        if connection := self._connection(peer):
            first = flag != hci.HCI_ACL_PB_CONTINUATION
            flag = hci.HCI_ACL_PB_FIRST_FLUSHABLE if first else hci.HCI_ACL_PB_CONTINUATION
            self.send_hci_packet(
                hci.HCI_AclDataPacket(connection.handle, flag, 0, len(payload), payload)
            )

    def on_control(self, peer: str, pdu: ll.ControlPdu) -> None:
        """A link layer control PDU has come in."""
        if connection := self._connection(peer):
            self.on_ll_control_pdu(connection.peer_address, pdu)

    def on_sent(self, peer: str) -> None:
        """A data PDU has reached `peer`: its buffer is free."""
        if connection := self._connection(peer):
            self.send_hci_packet(
                hci.HCI_Number_Of_Completed_Packets_Event(
                    connection_handles=[connection.handle], num_completed_packets=[1]
                )
            )

    def on_advert(self, report_type: int, address: hci.Address, data: bytes) -> None:
        """An advert or a scan response was heard."""
        report = _Report.Report(
            event_type=report_type,
            address_type=address.address_type,
            address=address,
            data=data,
            rssi=RSSI_DBM,
        )
        self.send_hci_packet(_Report([report]))

    # What the host asks.

    def on_packet(self, packet: bytes) -> None:
        """A packet from the host."""
        if self.is_on:
            super().on_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """A packet to the host, delivered from the loop."""
        asyncio.get_running_loop().call_soon(self._to_host, bytes(packet))

    def _to_host(self, packet: bytes) -> None:
        if self.is_on and self.host is not None:
            self.host.on_packet(packet)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Each packet of the host is one PDU."""
        if connection := self.find_le_connection_by_handle(packet.connection_handle):
            peer = connection.peer_address.to_string(with_type_qualifier=False)
            medium_of(self).send(self.key, peer, packet.data, packet.pb_flag)

    def on_hci_reset_command(
        self, _command: hci.HCI_Reset_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Fall silent; peers find out by their supervision timeout."""
        self._fall_silent()
        medium_of(self).forget_links(self)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """Say goodbye; it is over when that was heard, or at the supervision timeout."""
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if connection is None:
            self._send_hci_command_status(
                hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR, command.op_code
            )
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        connection.send_ll_control_pdu(ll.TerminateInd(command.reason))

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Start or stop to listen to adverts."""
        result = super().on_hci_le_set_scan_enable_command(command)
        medium_of(self).listening_changed()
        return result

    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        """Connect at the next advert of the peer."""
        if command.peer_address in self.le_connections:
            self._send_hci_command_status(hci.HCI_CONNECTION_ALREADY_EXISTS_ERROR, command.op_code)
            return
        super().on_hci_le_create_connection_command(command)
        medium_of(self).listening_changed()

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up; the host gets its connection complete event, as a failure."""
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        medium_of(self).listening_changed()
        failure = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, failure)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    # A host may answer, or ask, for a connection that has just been lost. The stock controller's
    # refusal would be an error that nobody handles; the event of the loss is on its way.

    def on_hci_le_enable_encryption_command(
        self, command: hci.HCI_LE_Enable_Encryption_Command
    ) -> None:
        """Start to encrypt."""
        if self.find_le_connection_by_handle(command.connection_handle) is None:
            self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        else:
            super().on_hci_le_enable_encryption_command(command)

    def on_hci_le_long_term_key_request_reply_command(
        self, command: hci.HCI_LE_Long_Term_Key_Request_Reply_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        """Take the peripheral's key."""
        return self._key_reply(command.connection_handle, command.long_term_key)

    def on_hci_le_long_term_key_request_negative_reply_command(
        self, command: hci.HCI_LE_Long_Term_Key_Request_Negative_Reply_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        """The peripheral has no key."""
        return self._key_reply(command.connection_handle, None)

    def _key_reply(
        self, handle: int, key: bytes | None
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        if self.find_le_connection_by_handle(handle) is None:
            return hci.HCI_StatusAndConnectionHandleReturnParameters(
                status=hci.HCI_ErrorCode.SUCCESS, connection_handle=handle
            )
        return self._le_long_term_key_request_response(handle, key)


def medium_of(radio: controller.Controller) -> Medium:
    """The air that `radio` is on."""
    return radio.link  # type: ignore[return-value]  # radios are only made on an Air
