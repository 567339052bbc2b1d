"""ESP32-C3 with the band's wiring (firmware/README.md)."""

I2C_ID = 0
SDA = 6
SCL = 7
I2C_HZ = 400000
BUTTON = 9  # to ground when pressed
CASE = 4  # to ground when a strip is in that socket
COVER = 5
RSTN = 1  # of the hub on a strip
MFIO = 3
MOTOR = 10  # to the gate of its transistor
CELL = 0  # half the voltage of the coin cell
