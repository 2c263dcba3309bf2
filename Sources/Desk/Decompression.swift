import CZstd

/// The content type (MQTT 5, §3.3.2.3.9) of a compressed pack.
public let compressedContentType = "application/senml+json+zstd"

/// The most that a payload may weigh, as it came and decompressed, in bytes. One record is some 300
/// bytes, a gateway's pack some 64 records; other people's SenML may have more. What comes from the
/// network must not decide how much memory a receiver takes.
public let payloadByteCountMax = 4 << 20

/// Whether a payload is a zstd frame: the magic number of RFC 8878, §3.1.1. JSON never begins so,
/// and MQTT 3.1.1 has no content type.
func isCompressed(_ payload: [UInt8]) -> Bool { payload.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) }

/// Decompresses one zstd frame, or several.
///
/// - Throws: `.notZstd` with libzstd's reason, `.tooBig` beyond `payloadByteCountMax`.
func decompress(_ payload: [UInt8]) throws(DecodingFailure) -> [UInt8] {
  // Streamed, because a frame need not tell its size, and one that tells it may lie.
  guard let stream = unsafe ZSTD_createDStream() else { throw .notZstd("no memory") }
  defer { unsafe ZSTD_freeDStream(stream) }
  var result: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  var position = 0
  var isWhole = false
  // Each turn consumes or produces at least a byte, so that the bounds of both end the loop.
  while true {
    var consumed = 0
    var produced = 0
    // Safe: both arrays outlive the call, and their sizes are given.
    let code = unsafe payload.withUnsafeBytes { source in
      unsafe chunk.withUnsafeMutableBytes { target in
        var input = unsafe ZSTD_inBuffer(
          src: source.baseAddress, size: source.count, pos: position)
        var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let code = unsafe ZSTD_decompressStream(stream, &output, &input)
        unsafe (consumed, produced) = (input.pos - position, output.pos)
        return code
      }
    }
    if ZSTD_isError(code) != 0 {
      // Safe: a static, terminated string.
      throw .notZstd(unsafe String(cString: ZSTD_getErrorName(code)))
    }
    position += consumed
    guard result.count + produced <= payloadByteCountMax else {
      throw .tooBig(byteCount: result.count + produced)
    }
    result += chunk[0..<produced]
    isWhole = code == 0
    if consumed == 0, produced == 0 || isWhole { break }
    if position == payload.count, produced < chunk.count { break }
  }
  guard isWhole else { throw .notZstd("it ends in the middle of a frame") }
  return result
}
