"""Our answers held to the Linux kernel's, packet by packet; see docs/conformance.md."""
