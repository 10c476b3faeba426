import CZlib

/// The system's zlib, on buffers that are there whole.
enum Zlib {
    static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return 0 }
        return UInt32(truncatingIfNeeded: CZlib.crc32_z(0, base, bytes.count))
    }

    /// Inflates `input` into exactly `output`, which nothing is written beyond.
    /// - Precondition: both are smaller than 4 GiB; the format's limits see to it.
    static func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> InflateProblem? {
        var stream = z_stream()
        guard rnnz_inflateInit2(&stream, 15) == Z_OK else { return .damaged }
        defer { inflateEnd(&stream) }
        // zlib never writes to its input; its interface is older than `const`.
        stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = uInt(input.count)
        stream.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.avail_out = uInt(output.count)
        let result = CZlib.inflate(&stream, Z_FINISH)
        if result == Z_STREAM_END {
            if stream.avail_out > 0 { return .tooShort(expected: output.count, found: output.count - Int(stream.avail_out)) }
            return stream.avail_in > 0 ? .leftOver(byteCount: Int(stream.avail_in)) : nil
        }
        guard result == Z_BUF_ERROR, stream.avail_out == 0 else { return .damaged }
        // The output is full: either more was to come, or the input ends before its own checksum. One more byte of room tells.
        var beyond: UInt8 = 0
        let left = withUnsafeMutablePointer(to: &beyond) { byte in
            stream.next_out = byte
            stream.avail_out = 1
            _ = CZlib.inflate(&stream, Z_FINISH)
            return stream.avail_out
        }
        return left == 0 ? .tooLong(expected: output.count) : .damaged
    }

    enum Strategy {
        case normal
        /// Huffman codes alone: at most eight times smaller, whatever the bytes are.
        case huffman
    }

    /// Deflates `input` into the beginning of `output`. Returns the number of bytes written, or nil where there was no room.
    static func deflate(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, level: Int, strategy: Strategy = .normal
    ) -> Int? {
        var stream = z_stream()
        let how = strategy == .normal ? Z_DEFAULT_STRATEGY : Z_HUFFMAN_ONLY
        guard rnnz_deflateInit2(&stream, Int32(level), 15, 8, how) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = uInt(input.count)
        stream.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.avail_out = uInt(output.count)
        guard CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return output.count - Int(stream.avail_out)
    }
}
