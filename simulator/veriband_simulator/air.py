"""The air: Bluetooth controllers, the connections between them, loss, range and a trace."""

from __future__ import annotations

import asyncio
import hashlib
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bumble import controller, hci, link, ll

from veriband_simulator.device import make_device, start_advertising, stop_advertising
from veriband_simulator.radio import RadioController

__all__ = [
    "Air",
    "RadioController",
    "make_device",
    "plain",
    "start_advertising",
    "stop_advertising",
]

PDU_OCTETS = 14  # around a payload: preamble, address, header, MIC, CRC

Mangle = Callable[[str, str, bytes], bytes | list[bytes] | None]


def plain(address: str) -> str:
    """`address` as it is a key here: capitals, without Bumble's mark of a public one."""
    return address.upper().removesuffix("/P")


def _key(address: hci.Address) -> str:
    return address.to_string(with_type_qualifier=False)


@dataclass
class _Pdu:
    """A data PDU (`flag` is its HCI packet boundary flag) or an LL control PDU."""

    content: bytes | ll.ControlPdu
    flag: int = 0


@dataclass
class _Way:
    """One direction of a link. `sender` and `receiver` are None once they were switched off."""

    source: str
    target: str
    sender: RadioController | None
    receiver: RadioController | None
    waiting: deque[_Pdu] = field(default_factory=deque[_Pdu])


class _Link:
    """A connection: its two ways, and the timers of its next event and of its loss."""

    def __init__(
        self, central: RadioController, peripheral: RadioController, now_s: float
    ) -> None:
        self.anchor_s = now_s
        self.last_event = 0
        first, second = central.key, peripheral.key
        self.ways = (
            _Way(first, second, central, peripheral),
            _Way(second, first, peripheral, central),
        )
        self.next_event: asyncio.TimerHandle | None = None
        self.loss: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Cancel the timers."""
        for timer in (self.next_event, self.loss):
            if timer is not None:
                timer.cancel()
        self.next_event = self.loss = None


class Air(link.LocalLink):
    """The radio between controllers, in the time of the running loop.

    Every `interval_s` from its start on, a connection carries up to `pdus_per_event` PDUs each
    way, in order. Each PDU and each advert is lost with probability `loss` (0 <= loss < 1,
    drawn from `rng`); a lost PDU ends its way's turn and is sent again at the next event. Who
    is out of range for `supervision_s` has lost its connections.

    `trace_sha256` and `pdus` cover all that was sent and heard. `mangle` may look at each data
    PDU (source address, target address, payload with the L2CAP header), and change or swallow it,
    or put several in its place.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        loss: float = 0.0,
        interval_s: float = 0.030,
        pdus_per_event: int = 6,
        supervision_s: float = 4.0,
        mangle: Mangle | None = None,
    ) -> None:
        if not 0 <= loss < 1:
            raise ValueError(f"loss={loss}: must be at least 0 and below 1")
        super().__init__()
        self.loss = loss
        self.interval_s = interval_s
        self.pdus_per_event = pdus_per_event
        self.supervision_s = supervision_s
        self.mangle = mangle
        self.pdus = 0
        self.octets: Counter[str] = Counter()  # sent in data PDUs, by address
        self._chance = rng
        self._seed = rng.getrandbits(64)
        self._trace = hashlib.sha256()
        self._radios: dict[str, RadioController] = {}
        self._links: dict[tuple[str, str], _Link] = {}
        self._away: set[str] = set()

    @property
    def trace_sha256(self) -> str:
        """The hash, in hex, of time (in microseconds), addresses, kind and bytes of each PDU."""
        return self._trace.hexdigest()

    def queued(self, sender_address: str, peer_address: str) -> int:
        """How many PDUs of `sender_address` still wait to be sent to `peer_address`."""
        way = self._way(plain(sender_address), plain(peer_address))
        return len(way.waiting) if way is not None else 0

    def set_in_range(self, address: str, yes: bool) -> None:
        """Bring whoever has `address`, now or later, into the range of all others, or out of it.

        Out of range nothing is heard, and after the supervision timeout both ends of each
        connection see it lost (reason 0x08).
        """
        key = plain(address)
        if yes:
            self._away.discard(key)
        else:
            self._away.add(key)
        for pair, connection in self._links.items():
            if key in pair:
                self._supervise(pair, connection)
        self.listening_changed()

    def vanish(self, address: str) -> None:
        """Switch the radio at `address` off, or reset it, without a goodbye.

        Its own host hears nothing; each peer sees its supervision timeout. Another radio may
        take the address at once. Nothing happens if there is no such radio.
        """
        radio = self._radios.pop(plain(address), None)
        if radio is not None:
            radio.switch_off()
            self.forget_links(radio)

    def forget_links(self, radio: RadioController) -> None:
        """`radio` has lost all its connections without telling anybody."""
        radio.le_connections.clear()
        for pair, connection in list(self._links.items()):
            for way in connection.ways:
                if way.sender is radio:
                    way.sender = None
                    way.waiting.clear()
                if way.receiver is radio:
                    way.receiver = None
            if any(radio.key == address for address in pair):
                self._supervise(pair, connection)
        self.listening_changed()

    # What the controllers call.

    def add_controller(self, controller: controller.Controller) -> None:
        """Put a radio on the air. Raises ValueError when its address is taken."""
        if not isinstance(controller, RadioController):
            raise TypeError(f"{controller.name} is not a RadioController")
        if controller.key in self._radios:
            raise ValueError(f"two radios with the address {controller.key}")
        self._radios[controller.key] = controller

    def remove_controller(self, controller: controller.Controller) -> None:
        """Take a radio off the air, as `vanish` does."""
        self.vanish(_key(controller.public_address))

    def find_le_controller(self, address: hci.Address) -> controller.Controller | None:
        """The radio with that public address."""
        return self._radios.get(_key(address))

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Queue a link layer control PDU; the data that waits goes first."""
        self.send(_key(sender_address), _key(receiver_address), packet)

    def send(
        self, source: str, target: str, content: bytes | ll.ControlPdu, flag: int = 0
    ) -> None:
        """Queue a PDU for the next connection event. Without a connection it is gone."""
        way = self._way(source, target)
        if way is None or way.sender is None:
            return
        way.waiting.append(_Pdu(content, flag))
        self._schedule(_pair(source, target))

    def connect(self, central: RadioController, peripheral: RadioController) -> None:
        """`central` answers an advert of `peripheral` with a request to connect."""
        pair = _pair(central.key, peripheral.key)
        self._record("connect", central.key, peripheral.key, b"")
        if pair in self._links:
            self._links[pair].stop()  # both of its ends were switched off and are back
        self._links[pair] = _Link(central, peripheral, _now_s())
        peripheral.on_connected(hci.Role.PERIPHERAL, central.public_address)
        central.on_connected(hci.Role.CENTRAL, peripheral.public_address)

    # Connection events.

    def _way(self, source: str, target: str) -> _Way | None:
        connection = self._links.get(_pair(source, target))
        if connection is None:
            return None
        return next(way for way in connection.ways if way.source == source)

    def _broken(self, pair: tuple[str, str]) -> bool:
        ways = self._links[pair].ways
        return not self._away.isdisjoint(pair) or any(way.receiver is None for way in ways)

    def _supervise(self, pair: tuple[str, str], connection: _Link) -> None:
        """Start or stop the supervision timeout after something has changed."""
        if self._broken(pair):
            if connection.loss is None:
                connection.stop()
                connection.loss = asyncio.get_running_loop().call_later(
                    self.supervision_s, self._lost, pair
                )
        elif connection.loss is not None:
            connection.stop()
            self._schedule(pair)

    def _lost(self, pair: tuple[str, str]) -> None:
        self._end(pair, dict.fromkeys(pair, hci.HCI_CONNECTION_TIMEOUT_ERROR))

    def _end(self, pair: tuple[str, str], reasons: dict[str, int]) -> None:
        connection = self._links.pop(pair)
        connection.stop()
        for way in connection.ways:
            if way.sender is not None:
                way.sender.on_lost(way.target, reasons[way.source])
        self.listening_changed()

    def _schedule(self, pair: tuple[str, str]) -> None:
        """Set the timer of the next event, if anything waits and can be sent."""
        connection = self._links[pair]
        idle = not any(way.waiting for way in connection.ways)
        if idle or connection.next_event is not None or self._broken(pair):
            return
        now_s = _now_s()
        event = math.floor((now_s - connection.anchor_s) / self.interval_s)
        event = max(event, connection.last_event) + 1
        connection.next_event = asyncio.get_running_loop().call_at(
            connection.anchor_s + event * self.interval_s, self._event, pair, event
        )

    def _event(self, pair: tuple[str, str], event: int) -> None:
        connection = self._links[pair]
        connection.next_event = None
        connection.last_event = event
        for way in connection.ways:
            for _ in range(min(self.pdus_per_event, len(way.waiting))):
                heard = self._is_heard()
                self._record("data" if heard else "lost", way.source, way.target, way.waiting[0])
                if not heard:
                    break
                self._deliver(way, way.waiting.popleft())
                if self._links.get(pair) is not connection or self._broken(pair):
                    return  # that was a goodbye, or `mangle` cut the link
        self._schedule(pair)

    def _deliver(self, way: _Way, pdu: _Pdu) -> None:
        if isinstance(pdu.content, bytes):
            if way.sender is not None:
                way.sender.on_sent(way.target)
            content = (
                self.mangle(way.source, way.target, pdu.content) if self.mangle else [pdu.content]
            )
            for one in [content] if isinstance(content, bytes) else content or ():
                if way.receiver is not None:  # `mangle` may switch it off
                    way.receiver.on_data(way.source, one, pdu.flag)
        elif isinstance(pdu.content, ll.TerminateInd):
            ours = hci.HCI_CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR
            reasons = {way.source: ours, way.target: pdu.content.error_code}
            self._end(_pair(way.source, way.target), reasons)
        elif way.receiver is not None:
            way.receiver.on_control(way.source, pdu.content)

    def _is_heard(self) -> bool:
        return not self.loss or self._chance.random() >= self.loss

    def _record(self, kind: str, source: str, target: str, content: bytes | _Pdu) -> None:
        if isinstance(content, _Pdu):
            pdu = content.content
            content = pdu if isinstance(pdu, bytes) else repr(pdu).encode()
        self.pdus += 1
        if kind in ("data", "lost"):
            self.octets[source] += len(content) + PDU_OCTETS
        head = f"{round(_now_s() * 1e6)} {source} {target} {kind} {len(content)} "
        self._trace.update(head.encode() + content)

    # Advertising. An advertiser has a timer only while somebody listens to it.

    def listening_changed(self) -> None:
        """Start and stop the timers of the advertisers, after a change of any kind."""
        for radio in self._radios.values():
            advertiser = radio.advertiser
            wanted = advertiser.enabled and any(True for _ in self._listeners(radio))
            if wanted and advertiser.timer_handle is None:
                self._advertise_next(radio)
            elif not wanted and advertiser.timer_handle is not None:
                advertiser.timer_handle.cancel()
                advertiser.timer_handle = None

    def _listeners(self, advertising: RadioController) -> Iterator[RadioController]:
        if advertising.key not in self._away:
            for radio in self._radios.values():
                listens = radio.le_scan_enable or radio.initiates_to(advertising)
                if listens and radio is not advertising and radio.key not in self._away:
                    yield radio

    def _advertise_next(self, radio: RadioController) -> None:
        at_s = radio.advertiser.next_instant_s(_now_s(), self._seed)
        radio.advertiser.timer_handle = asyncio.get_running_loop().call_at(
            at_s, self._advertise, radio
        )

    def _advertise(self, radio: RadioController) -> None:
        radio.advertiser.timer_handle = None
        data, response = radio.advertiser.advertising_data, radio.advertiser.scan_response_data
        for listener in list(self._listeners(radio)):
            if not self._is_heard():
                continue
            if listener.le_scan_enable:
                self._record("advert", radio.key, listener.key, data)
                listener.on_advert(radio.advertiser.report_type, radio.public_address, data)
                if listener.le_scan_type == 1 and radio.advertiser.is_scannable:
                    self._record("response", radio.key, listener.key, response)
                    listener.on_advert(
                        hci.HCI_LE_Advertising_Report_Event.EventType.SCAN_RSP,
                        radio.public_address,
                        response,
                    )
            if listener.initiates_to(radio) and radio.accepts(listener):
                self.connect(listener, radio)
                break  # an advertiser that is connected to is silent
        self.listening_changed()


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
