/// A shell that `completions` knows, and the script by which it completes commands and flags from their tables.
package enum Shell: String, Sendable, CaseIterable {
  case bash, zsh, fish

  package var script: String {
    switch self {
    case .bash: BashCompletion.script
    case .zsh: ZshCompletion.script
    case .fish: FishCompletion.script
    }
  }
}

/// What can stand after a flag.
enum CompletedValue {
  case words([String])
  case files
  case folders
  /// A number, or something that cannot be known.
  case anything

  /// From a placeholder such as `auto|never|FILE`: what is in small letters is a word, `FILE`, `DIR` and `RUN` are paths.
  init(placeholder: String) {
    let parts = placeholder.split(separator: "|").map(String.init)
    let words = parts.filter { !$0.isEmpty && $0.allSatisfy { $0.isLowercase || $0.isNumber } && !$0.contains(",") }
    let isPath = parts.contains { ["FILE", "DIR", "CONFIG", "RUN"].contains($0) }
    if !words.isEmpty, !isPath, words.contains(where: { $0.contains(where: \.isLetter) }) {
      self = .words(words)
    } else if parts.contains("FILE") || parts.contains("CONFIG") {
      self = .files
    } else if parts.contains("DIR") || parts.contains("RUN") {
      self = .folders
    } else {
      self = .anything
    }
  }
}

extension Flag {
  var completedValue: CompletedValue? { placeholder.map { CompletedValue(placeholder: $0) } }
}

extension Command {
  /// What can stand in the place of the configuration; where it takes several words, they are of one kind.
  var completedOperand: CompletedValue {
    operands.first.map { CompletedValue(placeholder: $0) } ?? .anything
  }

  /// Every flag that it takes, each once, as its help describes it.
  var completedFlags: [Flag] {
    var flags = self.flags
    for flag in Flag.common + [.help] where !flags.contains(flag) { flags.append(flag) }
    return flags
  }

  /// The first words of all commands, each once, with a summary.
  static var firstWords: [(word: String, summary: String)] {
    var found: [(word: String, summary: String)] = []
    for command in all where !found.contains(where: { $0.word == command.words[0] }) {
      let group = group(command.words[0])
      let second = group.map { $0.words[1] }.joined(separator: ", ")
      found.append((command.words[0], group.isEmpty ? command.summary : second))
    }
    return found
  }
}

/// `text` in single quotes, as bash and zsh read it.
private func quoted(_ text: String) -> String {
  "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}

// MARK: bash

private enum BashCompletion {
  static var script: String {
    var lines = [
      "# Completes lockstep in bash: source <(lockstep completions bash)", "_lockstep() {",
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= entry",
      "  COMPREPLY=()",
      "  for entry in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do",
      "    [[ $entry == -* ]] && break",
      "    command+=${command:+ }$entry",
      "    case $command in",
      "      \(Set(Command.all.filter { $0.words.count > 1 }.map { $0.words[0] }).sorted().joined(separator: "|"))) ;;",
      "      *) break ;;", "    esac", "  done", "  case $command:$before in",
    ]
    for command in Command.all {
      for flag in command.completedFlags {
        guard let value = flag.completedValue else { continue }
        lines.append("    \(quoted("\(command.name):\(flag.text)"))) \(reply(value)); return ;;")
      }
    }
    lines += ["  esac", "  if [[ $word == -* ]]; then", "    case $command in"]
    for command in Command.all {
      let flags = command.completedFlags.map(\.text).joined(separator: " ")
      lines.append("      \(quoted(command.name))) \(reply(.words([flags]))) ;;")
    }
    lines += [
      "      *) \(reply(.words(["--version", "--help"]))) ;;", "    esac", "    return", "  fi", "  case $command in",
    ]
    lines.append("    '') \(reply(.words(Command.firstWords.map(\.word)))) ;;")
    for (word, _) in Command.firstWords where !Command.group(word).isEmpty {
      lines.append("    \(word)) \(reply(.words(Command.group(word).map { $0.words[1] }))) ;;")
    }
    for command in Command.all {
      lines.append("    \(quoted(command.name))) \(reply(command.completedOperand)) ;;")
    }
    lines += ["  esac", "}", "complete -o bashdefault -o filenames -F _lockstep lockstep"]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func reply(_ value: CompletedValue) -> String {
    switch value {
    case .words(let words): "COMPREPLY=($(compgen -W \(quoted(words.joined(separator: " "))) -- \"$word\"))"
    case .files: "COMPREPLY=($(compgen -f -- \"$word\"))"
    case .folders: "COMPREPLY=($(compgen -d -- \"$word\"))"
    case .anything: "COMPREPLY=()"
    }
  }
}

// MARK: zsh

private enum ZshCompletion {
  static var script: String {
    var lines = [
      "#compdef lockstep", "# Completes lockstep in zsh: a file _lockstep in a folder of $fpath, or",
      "# source <(lockstep completions zsh)", "_lockstep() {", "  local -a commands", "  local command=$words[2]",
      "  local -i skip=1", "  if (( CURRENT == 2 )); then", "    commands=(",
    ]
    for (word, summary) in Command.firstWords { lines.append("      \(quoted(described(word, summary)))") }
    lines += ["    )", "    _describe command commands", "    return", "  fi", "  case $command in"]
    for (word, _) in Command.firstWords where !Command.group(word).isEmpty {
      lines += ["    \(word))", "      if (( CURRENT == 3 )); then", "        commands=("]
      for command in Command.group(word) {
        lines.append("          \(quoted(described(command.words[1], command.summary)))")
      }
      lines += [
        "        )", "        _describe command commands", "        return", "      fi",
        "      command+=\" $words[3]\"", "      skip=2 ;;",
      ]
    }
    lines += ["  esac", "  shift $skip words", "  (( CURRENT -= skip ))", "  case $command in"]
    for command in Command.all {
      lines.append("    \(quoted(command.name)))")
      let flags = command.completedFlags.map { flag in
        let isRepeated = flag == .set ? "*" : ""
        let value = flag.completedValue.map { ":\(escaped(flag.placeholder ?? "")):\(action($0))" } ?? ""
        return "        \(quoted("\(isRepeated)\(flag.text)[\(escaped(flag.summary))]\(value)"))"
      }
      lines.append("      _arguments \\")
      let operands = command.operands.enumerated().map { number, operand in
        let place = command.takesSeveral ? "*" : "\(number + 1)"
        return "        \(quoted("\(place):\(escaped(operand)):\(action(command.completedOperand))"))"
      }
      lines.append((flags + operands).joined(separator: " \\\n") + " ;;")
    }
    lines += [
      "  esac", "}", "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then", "  _lockstep \"$@\"", "else",
      "  compdef _lockstep lockstep", "fi",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func described(_ word: String, _ summary: String) -> String { "\(word):\(escaped(summary))" }

  /// Without the characters that end a description.
  private static func escaped(_ text: String) -> String {
    String(text.flatMap { ":[]".contains($0) ? ["\\", $0] : [$0] })
  }

  private static func action(_ value: CompletedValue) -> String {
    switch value {
    case .words(let words): "(\(words.joined(separator: " ")))"
    case .files: "_files"
    case .folders: "_files -/"
    case .anything: ""
    }
  }
}

// MARK: fish

private enum FishCompletion {
  static var script: String {
    var lines = [
      "# Completes lockstep in fish: lockstep completions fish > ~/.config/fish/completions/lockstep.fish",
      "complete -c lockstep -f", "complete -c lockstep -n __fish_use_subcommand -l version -d 'print the version'",
      "complete -c lockstep -n __fish_use_subcommand -l help -d 'print all commands'",
    ]
    for (word, summary) in Command.firstWords {
      lines.append("complete -c lockstep -n __fish_use_subcommand -a \(word) -d \(text(summary))")
    }
    for command in Command.all {
      var condition = "__fish_seen_subcommand_from \(command.words[0])"
      if command.words.count > 1 {
        let group = Command.group(command.words[0]).map { $0.words[1] }.joined(separator: " ")
        lines.append(
          "complete -c lockstep -n \(text("\(condition); and not __fish_seen_subcommand_from \(group)")) "
            + "-a \(command.words[1]) -d \(text(command.summary))")
        condition += "; and __fish_seen_subcommand_from \(command.words[1])"
      }
      let start = "complete -c lockstep -n \(text(condition))"
      for flag in command.completedFlags {
        lines.append(
          "\(start) -l \(flag.name) -d \(text(flag.summary))" + (flag.completedValue.map { " -r\(action($0))" } ?? ""))
      }
      lines.append(start + action(command.completedOperand))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func text(_ text: String) -> String {
    "'" + String(text.flatMap { "\\'".contains($0) ? ["\\", $0] : [$0] }) + "'"
  }

  private static func action(_ value: CompletedValue) -> String {
    switch value {
    case .words(let words): " -a \(text(words.joined(separator: " ")))"
    case .files: " -F"
    case .folders: " -a '(__fish_complete_directories)'"
    case .anything: ""
    }
  }
}
