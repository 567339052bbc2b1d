"""ESP32-S3 with the band's wiring (firmware/README.md)."""

I2C_ID = 0
SDA = 8
SCL = 9
I2C_HZ = 400000
BUTTON = 0  # to ground when pressed
CASE = 11  # to ground when a strip is in that socket
COVER = 12
RSTN = 13  # of the hub on a strip
MFIO = 14
MOTOR = 15  # to the gate of its transistor
CELL = 1  # half the voltage of the coin cell
