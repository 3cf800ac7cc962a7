"""Bytes and time: streams, uploads, segments, hashes, clocks; never what an offence is."""
