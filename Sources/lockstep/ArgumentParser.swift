import Configuration
import Diagnostics

/// A command line that was understood.
package enum ParsedArguments: Hashable, Sendable {
  case version
  case help(HelpTopic)
  case run(Invocation)
}

/// What help was asked about.
package enum HelpTopic: Hashable, Sendable {
  case program
  /// The commands that begin with a word, such as `bench`.
  case group(String)
  case command(Command)
}

/// A command with what it was given.
package struct Invocation: Hashable, Sendable {
  package struct Occurrence: Hashable, Sendable {
    package var flag: Flag
    /// Empty for flags without a value.
    package var value: String
  }
  package var command: Command
  /// What was given for `command.operands`: as many, or none; more of a command that takes several.
  package var operands: [String]
  /// In the order they were typed.
  package var flags: [Occurrence]

  package init(command: Command, operands: [String], flags: [Occurrence]) {
    self.command = command
    self.operands = operands
    self.flags = flags
  }

  package init(command: Command, configuration: String?, flags: [Occurrence]) {
    self.init(command: command, operands: configuration.map { [$0] } ?? [], flags: flags)
  }

  /// The configuration, or the first operand of a command that takes others.
  package var configuration: String? { operands.first }

  package func has(_ flag: Flag) -> Bool { flags.contains { $0.flag == flag } }

  /// The flag's value; the last where it was given more than once.
  package func value(_ flag: Flag) -> String? { flags.last { $0.flag == flag }?.value }

  /// All values of a flag that may be given more than once, in order.
  package func values(_ flag: Flag) -> [String] { flags.filter { $0.flag == flag }.map(\.value) }

  /// Values of the configuration that flags replace, in order.
  /// - Throws: `UserError(.usage)` for `--set` without `=`.
  package func overrides() throws(UserError) -> [ConfigurationOverride] {
    var overrides: [ConfigurationOverride] = []
    for occurrence in flags {
      let origin = "\(occurrence.flag.text) \(occurrence.value)"
      if let keyPath = occurrence.flag.keyPath {
        overrides.append(ConfigurationOverride(path: keyPath, text: occurrence.value, origin: origin))
      } else if occurrence.flag == .set {
        guard let equals = occurrence.value.firstIndex(of: "="), equals > occurrence.value.startIndex
        else {
          throw UserError(.usage, "--set", "found \(occurrence.value); allowed: key.path=VALUE")
        }
        let text = String(occurrence.value[occurrence.value.index(after: equals)...])
        let path = String(occurrence.value[..<equals])
        overrides.append(ConfigurationOverride(path: path, text: text, origin: origin))
      }
    }
    return overrides
  }
}

/// Understands the words after the program's name by the tables `Command.all` and `Flag.known`.
package struct ArgumentParser {
  private var rest: ArraySlice<String>
  private var words: [String] = []
  private var flags: [Invocation.Occurrence] = []

  /// - Throws: `UserError(.usage)` that names the nearest command or flag.
  package static func parse(_ arguments: [String]) throws(UserError) -> ParsedArguments {
    var parser = ArgumentParser(rest: arguments[...])
    return try parser.parse()
  }

  private init(rest: ArraySlice<String>) { self.rest = rest }

  private mutating func parse() throws(UserError) -> ParsedArguments {
    var onlyWords = false
    while let word = rest.popFirst() {
      if onlyWords || !word.hasPrefix("-") || word == "-" {
        words.append(word)
      } else if word == "--" {
        onlyWords = true
      } else {
        try takeFlag(word)
      }
    }
    if flags.contains(where: { $0.flag == .version }) || words == ["version"] { return .version }
    var wantsHelp = flags.contains { $0.flag == .help }
    if words.first == "help" {
      words.removeFirst()
      wantsHelp = true
    }
    if wantsHelp, words.isEmpty { return .help(.program) }
    if wantsHelp, words.count == 1, !Command.group(words[0]).isEmpty { return .help(.group(words[0])) }
    let command = try takeCommand()
    return wantsHelp ? .help(.command(command)) : .run(try invocation(of: command))
  }

  private mutating func takeFlag(_ word: String) throws(UserError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let typed = String(parts[0])
    let name = String(typed.drop { $0 == "-" }.map { $0 == "_" ? "-" : $0 })
    let flag: Flag? = typed == "-h" ? .help : typed.hasPrefix("--") ? Flag.known.first { $0.name == name } : nil
    guard let flag else {
      let names = Flag.known.map(\.name)
      let nearest: String? = NearestName.suggestion(
        for: NearestName.longFlag(for: typed) ?? name, among: names)
      throw UserError(.usage, typed, "unknown flag", hint: nearest.map { "the nearest known flag is --\($0)" })
    }
    switch (flag.placeholder, parts.count == 2) {
    case (nil, false): flags.append(.init(flag: flag, value: ""))
    case (nil, true): throw UserError(.usage, typed, "found the value \(parts[1]); allowed: no value")
    case (let placeholder?, let isJoined):
      guard let value = isJoined ? String(parts[1]) : rest.popFirst(), !value.isEmpty else {
        throw UserError(.usage, typed, "found no value; allowed: \(typed) \(placeholder)")
      }
      flags.append(.init(flag: flag, value: value))
    }
  }

  /// Removes the command's words from the front.
  private mutating func takeCommand() throws(UserError) -> Command {
    guard let first = words.first else {
      throw UserError(.usage, "lockstep", "found no command; allowed: \(Self.names)", hint: "lockstep --help")
    }
    for command in Command.all where words.starts(with: command.words) {
      words.removeFirst(command.words.count)
      return command
    }
    let group = Command.group(first)
    let typed = group.isEmpty ? first : words.prefix(2).joined(separator: " ")
    let candidates = group.isEmpty ? Command.all : group
    let nearest: String? = NearestName.suggestion(for: typed, among: candidates.map(\.name))
    throw UserError(
      .usage, typed, "unknown command; allowed: \(Self.names)",
      hint: nearest.map { "the nearest known command is \($0)" })
  }

  private static var names: String { Command.names.joined(separator: ", ") }

  private func invocation(of command: Command) throws(UserError) -> Invocation {
    for occurrence in flags where !command.takes(occurrence.flag) {
      let takers = Command.all.filter { $0.takes(occurrence.flag) }.map(\.name).joined(separator: ", ")
      throw UserError(.usage, occurrence.flag.text, "\(command.name) does not take it; allowed with: \(takers)")
    }
    let count = command.operands.count
    guard words.count <= count || command.takesSeveral else {
      throw UserError(.usage, words[count], "unexpected; allowed: lockstep \(HelpText.usage(command))")
    }
    guard words.count >= count || words.isEmpty && command.configurationIsOptional else {
      throw UserError(
        .usage, command.name, "found no \(command.operands[words.count]); allowed: lockstep \(HelpText.usage(command))")
    }
    for flag in command.required where !flags.contains(where: { $0.flag == flag }) {
      throw UserError(
        .usage, command.name, "found no \(flag.text); allowed: lockstep \(HelpText.usage(command))")
    }
    return Invocation(command: command, operands: words, flags: flags)
  }
}
