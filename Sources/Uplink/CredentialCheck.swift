import Configuration
import Linux

/// What is wrong, or soon will be, with the certificates of a configuration, at `now` (seconds
/// since 1970). Files that are not there are passed over: a configuration may be checked on another
/// machine than the gateway.
public func credentialProblems(_ settings: UplinkSettings, now: Int64) -> [String] {
  var problems: [String] = []
  let first = Int64(settings.expiryWarningDays)
  func judge(_ file: String, end: Int64) {
    let days = ExpiryWatch.days(until: end, now: now)
    if days < 0 {
      problems.append("\(file): all that it holds has expired; expected a valid one; renew it")
    } else if days < first {
      problems.append("\(file) expires in \(days) day(s); renew it")
    }
  }
  if !settings.caFile.isEmpty, let text = content(settings.caFile) {
    if let end = lastEnd(text) {
      judge(settings.caFile, end: end)
    } else {
      problems.append("\(settings.caFile) holds no certificate in PEM form; replace it")
    }
  }
  guard !settings.certificateFile.isEmpty else { return problems }
  let pair = CredentialPair(
    certificateFile: settings.certificateFile, keyFile: settings.keyFile)
  for one in [pair, pair.next] {
    guard let certificate = content(one.certificateFile), let key = content(one.keyFile) else {
      continue
    }
    do throws(PairProblem) {
      let validity = try checkPair(
        certificate: certificate, key: key, now: now, lowerBound: 0)
      judge(one.certificateFile, end: validity.end)
    } catch {
      problems.append(
        "\(one.certificateFile), \(one.keyFile): \(error.text.description); replace them")
    }
  }
  return problems
}

private func content(_ file: String) -> [UInt8]? {
  do {
    return try readFile(file, limit: certificateByteCountMax)
  } catch {
    return nil
  }
}
