"""What Veriband needs of this computer, looked at piece by piece."""
