// The conformance tests follow.
