"""What can go wrong with a band or the store, each with what to do about it."""

from __future__ import annotations

from datetime import datetime, timedelta

from veriband_protocol.control import DIASTOLIC, SYSTOLIC
from veriband_protocol.items import STATUSES


class VeribandError(Exception):
    """The base of every error that a user may see. The text says what happened and what to do."""


class NoRadio(VeribandError):
    """This computer's Bluetooth cannot be used."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"This computer's Bluetooth cannot be used ({why}): see that there is an adapter, "
            "that it is on, and that its service runs (on Linux: systemctl status bluetooth)."
        )


class Rescanned(VeribandError):
    """The radio was made to listen anew; it `hears` anything, or not, or cannot listen (None)."""

    def __init__(self, seen: str, hears: bool | None) -> None:
        found = {None: "it cannot", True: "it hears devices", False: "it hears nothing at all"}
        super().__init__(f"{seen}; Bluetooth was made to listen anew: {found[hears]}.")


class BandsAway(VeribandError):
    """No band is heard, though this computer's radio works."""

    def __init__(self) -> None:
        super().__init__(
            "No band is heard, but other devices are, so this computer's Bluetooth works: bring "
            "the bands near, see that they are charged, and that no other computer holds their "
            "connections."
        )


class AdapterReset(VeribandError):
    """This computer's Bluetooth adapter was switched off and on."""

    def __init__(self, seen: str) -> None:
        super().__init__(f"{seen}; the Bluetooth adapter was switched off and on.")


class NotReset(VeribandError):
    """The adapter was left alone or, if `tried`, could not be switched; `why`, and what to do."""

    def __init__(self, why: str, *, tried: bool = False) -> None:
        super().__init__(why)
        self.tried = tried


class RadioAdvice(VeribandError):
    """Everything that can be done about the radio from here has been; `what` the user can do."""

    def __init__(self, seen: str, what: str) -> None:
        super().__init__(f"{seen}; Veriband itself can do no more about that: {what}.")


class BandNotFound(VeribandError):
    """No band with that address answered the scan."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Band {address} was not found: bring it near, see that it is charged, and that no "
            "other computer holds its connection."
        )


class BandAsleep(BandNotFound):
    """A band in the power profile endurance was not awake here within a minute."""

    def __init__(self, address: str) -> None:
        VeribandError.__init__(
            self,
            f"Band {address} sleeps most of the time and was not awake near here within a minute: "
            "bring it near and see that it is charged. When it is in reach, 'veriband profile "
            f"{address} responsive' keeps it awake.",
        )


class BandVanished(VeribandError):
    """The connection was lost, or the band stopped answering."""

    def __init__(self, address: str, during: str) -> None:
        super().__init__(f"Band {address} went silent during {during}; it will be tried again.")


class NoConnection(BandVanished):
    """The band advertises, but no connection to it is made."""


class BondRefused(BandVanished):
    """The connection broke when it was to be encrypted: the band has no bond with this computer,
    though this one has one with it, or it went out of range at that very moment."""

    def __init__(self, address: str) -> None:
        VeribandError.__init__(
            self,
            f"Band {address} was gone when the connection was to be encrypted; it will be tried "
            "again. If that goes on, it does not know this computer any more: it was handed on, "
            "or its files were damaged. Remove it in this computer's Bluetooth settings, press "
            f"its button for 3 seconds, and run 'veriband pair {address}' within a minute.",
        )


class NotPaired(VeribandError):
    """The band does not trust this computer."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Band {address} does not know this computer: press its button for 3 seconds, then "
            f"run 'veriband pair {address}' within a minute."
        )


class EnrolledElsewhere(VeribandError):
    """The band seals with a key that this store does not have."""

    def __init__(self, address: str, key_id: int) -> None:
        super().__init__(
            f"Band {address} seals with another organiser's key ({key_id:08X}), whose contest "
            "trusts it no longer once it has a new one. Add --replace if that is meant."
        )


class PairingFailed(VeribandError):
    """Pairing was tried and refused."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"Pairing with band {address} failed: {why}. Press its button for 3 seconds and try "
            "again; each passkey is good for one attempt. If this computer was paired with it "
            "before, first remove it in the system's Bluetooth settings."
        )


class ClockImplausible(VeribandError):
    """This computer's clock cannot be right, so that no band's is set from it."""

    def __init__(self, utc_s: int) -> None:
        day = (datetime(1970, 1, 1) + timedelta(seconds=utc_s)).date()
        super().__init__(
            f"This computer's clock says {day}, which cannot be: set it; bands are synced then."
        )


class BadBatch(VeribandError):
    """The band sent something that is not a valid answer; nothing of it was stored."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"Band {address} sent a bad answer ({why}); it will be asked again.")


class NotMeasured(VeribandError):
    """The band measured no value of a vital sign."""

    _ADVICE = (
        "wear it, its strip on the skin",
        "see that the strip lies flat on the skin, and keep still",
        "keep the arm still",
        "plug its strip in",
        "see that the strip is plugged in well",
        "another host asked at the same time; ask again",
        "calibrate it first",
        "see that the strip lies flat on the skin, and ask again",
    )

    def __init__(self, address: str, vital: str, status: int) -> None:
        self._say(address, f"has no {vital}", status)

    def _say(self, address: str, what: str, status: int) -> None:
        why, advice = f"status {status}", "see that Veriband here is as new as the band's"
        if 0 < status <= len(self._ADVICE):
            why, advice = STATUSES[status], self._ADVICE[status - 1]
        super().__init__(f"Band {address} {what} ({why}): {advice}.")


class NoPressure(NotMeasured):
    """The band measured no blood pressure, or its hub was not `calibrated`."""

    _ADVICE = (
        "lay a fingertip on the hub of its strip and leave it there",
        "lay the fingertip on flat and warm, without pressing",
        "keep the hand still, rested on a table",
        "plug in a strip with a blood-pressure hub",
        "see that the strip is plugged in well, and ask again",
        "its hub is at work for somebody; ask again in two minutes",
        "it needs three readings of a cuff every 30 days, see 'veriband calibrate --help'; if it "
        "lost its power since, run 'veriband sync' first",
        "rest for five minutes and ask again; if it stays so, calibrate it",
    )

    def __init__(self, address: str, status: int, *, calibrated: bool = False) -> None:
        self._say(address, "was not calibrated" if calibrated else "has no blood pressure", status)


class CalibrationLost(VeribandError):
    """A calibration did not come to an end that is known of."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Band {address} started again during its calibration, of which nothing is left: "
            "begin anew. A calibration from before holds as long as it would have."
        )


class UnlikelyCuff(VeribandError):
    """Readings that no cuff gives, or not three in a row of somebody at rest."""

    def __init__(self, why: str) -> None:
        (lowest, highest, apart), (low, high, near) = SYSTOLIC, DIASTOLIC
        super().__init__(
            f"These readings cannot be used ({why}): sit still for five minutes, take three with "
            "a cuff on the upper arm, a minute between them, and give each as --cuff 128/82. The "
            f"hub learns from {lowest} to {highest} over {low} to {high} mmHg, no further than "
            f"{apart} and {near} apart."
        )


class BandWentBack(VeribandError):
    """The band's journal ends below numbers that were already stored."""

    def __init__(self, address: str, have: int) -> None:
        super().__init__(
            f"Band {address} went back in time: its journal ends before number {have}, which "
            "would have come next. What is stored is kept; if its flash was restored from a copy, "
            "erase its partition 'journal' (or flash the band anew) to start a new journal."
        )


class VersionUnknown(VeribandError):
    """The band speaks another version of the wire format."""

    def __init__(self, address: str, version: int) -> None:
        super().__init__(
            f"Band {address} speaks wire format {version}, this host only 1: update the older one."
        )


class Unforeseen(VeribandError):
    """Something of which Veriband does not know what it means."""

    def __init__(self, address: str, error: Exception) -> None:
        super().__init__(
            f"Band {address}: something that should not happen did ({type(error).__name__}: "
            f"{error}); it will be tried again. Please report it, with this line."
        )


class StoreError(VeribandError):
    """The store cannot be used."""


class BadInput(VeribandError):
    """A file that was given cannot be used; `where` names the place in it."""

    def __init__(self, path: str, where: str, why: str) -> None:
        super().__init__(f"{path}{', ' if where else ''}{where}: {why}.")
