"""The process: settings, wiring, transports, scheduler, health, command line and the local sandbox."""

__version__ = "0.1.0"
