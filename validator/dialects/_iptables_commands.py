"""The lines of one table: what iptables-save writes, and the commands that iptables-restore(8) takes beside.

A line that is not understood may be any rule of the chain it names, or of every built-in chain of the table. A
command of which it is not known what it changes may have put any rule in front of all others.

iptables-save declares every built-in chain of a table. A file that does not (`filter` without one of them, another
table without any; old kernels lack some of nat and mangle) is a fragment for `iptables-restore --noflush`, which adds
to what is there.
"""

from __future__ import annotations

import re

from validator.dialects._iptables_dump import BUILT_IN, IptChain, IptRule
from validator.dialects._iptables_rules import RuleReader
from validator.dialects._iptables_targets import TARGETS, Fate
from validator.dialects._iptables_words import RuleWords, TargetUse
from validator.source import Ledger, LineState

_CHAIN = re.compile(r":(\S+)\s+(\S+)(?:\s+\[\d+:\d+\])?\s*$")
_COUNTERS = re.compile(r"\[\d+:\d+\]\s*")
_OPEN = frozenset(name for name, target in TARGETS.items() if target.fate in (Fate.FREE, Fate.ANYTHING))
_COMMANDS = {
    "--append": "-A", "--insert": "-I", "--delete": "-D", "--replace": "-R", "--new-chain": "-N", "--new": "-N",
    "--delete-chain": "-X", "--flush": "-F", "--zero": "-Z", "--policy": "-P", "--rename-chain": "-E",
}  # fmt: skip


class TableReader:
    """Reads the lines of one table into `chains`; after the last line `targets` are those of their rules, and `unclear`
    says whether one of these is not understood."""

    def __init__(self, table: str, line: int, rules: RuleReader, ledger: Ledger) -> None:
        self.chains: dict[str, IptChain] = {}
        self.targets: set[TargetUse] = set()
        self.unclear = False
        self._anywhere: list[IptRule] = []
        self._table, self._line = table, line
        self._declared: set[str] = set()
        self._built_in = BUILT_IN.get(table, ())
        self._rules, self._ledger = rules, ledger

    def read(self, number: int, line: str) -> None:
        """Read the 1-based line `number`."""
        if line.startswith("-A "):
            name, _, rest = line[3:].partition(" ")
            self._append(name, rest, number, line)
            return
        text = line.strip()
        if text.startswith(":"):
            self._declare(text, number)
        elif text.startswith("#") or text == "COMMIT":
            self._ledger.mark(number, LineState.IGNORED)
        elif text:
            self._command(_COUNTERS.sub("", text, count=1) if text.startswith("[") else text, number)

    def _declare(self, line: str, number: int) -> None:
        """`:CHAIN POLICY [packets:bytes]`; for a chain that users made it empties the chain."""
        match = _CHAIN.match(line)
        built_in = match is not None and match[1] in self._built_in
        policies = ("-", "ACCEPT", "DROP", "QUEUE", "REJECT") if built_in else ("-",)
        if match is None or match[2] not in policies:
            self._unknown(line, number, "this chain declaration is not understood")
            return
        chain = self._chain(match[1], number)
        if chain.rules and not built_in:  # what is restored flushes it, or fails
            self._unknown(line, number, "this declaration stands behind rules of its chain", chain)
            return
        self._declared.add(match[1])
        chain.policy, chain.line = "" if match[2] == "-" else match[2], number
        self._ledger.mark(number, LineState.MODELLED)

    def _chain(self, name: str, number: int) -> IptChain:
        chain = self.chains.get(name)
        if chain is None:
            chain = self.chains[name] = IptChain(name, "", number)
        return chain

    def _append(self, name: str, rest: str, number: int, line: str) -> None:
        if not name:
            parts = line.split(None, 2)
            if len(parts) < 2:
                self._unknown(line, number, "this rule names no chain")
                return
            name, rest = parts[1], parts[2] if len(parts) > 2 else ""
        rule = self._rule(rest, number)
        chain = self.chains.get(name) or self._chain(name.rstrip(), number)
        if rule is not None:
            chain.rules.append(rule)

    def _rule(self, rest: str, number: int) -> IptRule | None:
        """The rule in `rest`, marked in the ledger; None for one that iptables-restore skips."""
        found = self._rules.read(rest)
        if found.skipped:
            self._ledger.mark(number, LineState.IGNORED)
            return None
        open_target = found.target is not None and found.target.name in _OPEN
        state = LineState.CONDITIONAL if open_target or found.conditional else LineState.MODELLED
        self._ledger.mark(number, LineState.UNSUPPORTED if found.why else state)
        return IptRule(number, found)

    def _command(self, text: str, number: int) -> None:
        """A command of iptables-restore: `-A`, `-I`, `-D`, `-R`, `-N`, `-X`, `-F`, `-P`, `-Z`."""
        command, _, rest = text.replace("\t", " ").partition(" ")
        command, rest = _COMMANDS.get(command, command), rest.strip()
        name, _, rest = rest.partition(" ")
        rest = rest.strip()
        if command == "-A" and name:
            self._append(name, rest, number, text)
        elif command == "-I" and name:
            self._insert(name, rest, number)
        elif command in ("-D", "-R") and name and rest:
            self._change(command, name, rest, number, text)
        elif command in ("-N", "-X", "-F", "-Z") and not rest and self._whole_chain(command, name, number):
            self._ledger.mark(number, LineState.MODELLED)
        elif command == "-P" and name in self._built_in and rest in ("ACCEPT", "DROP"):
            chain = self._chain(name, number)
            self._declared.add(name)
            chain.policy, chain.line = rest, number
            self._ledger.mark(number, LineState.MODELLED)
        else:
            self._unknown(text, number, "this line is not understood")

    def _insert(self, name: str, rest: str, number: int) -> None:
        """`-I CHAIN [n]`: a rule at position n, or at the head."""
        chain = self._chain(name, number)
        first, _, more = rest.partition(" ")
        position = int(first) if first.isascii() and first.isdigit() and len(first) < 9 else 0
        if position > len(chain.rules) + 1:
            self._unknown(f"-I {name}", number, f"the chain {name} has no place {position}")
            return
        rule = self._rule(more if position else rest, number)
        if rule is not None:
            chain.rules.insert(max(position - 1, 0), rule)

    def _change(self, command: str, name: str, rest: str, number: int, text: str) -> None:
        """`-D CHAIN n`, `-D CHAIN rule`, `-R CHAIN n rule`."""
        chain = self._chain(name, number)
        first, _, more = rest.partition(" ")
        numbered = first.isascii() and first.isdigit() and len(first) < 9
        at = int(first) - 1 if numbered else self._find(chain, rest)
        if not 0 <= at < len(chain.rules) or (numbered and bool(more) is (command == "-D")):
            self._unknown(text, number, f"the rule that {command} means is not in the chain {name}")
            return
        if command == "-D":
            del chain.rules[at]
            self._ledger.mark(number, LineState.MODELLED)
            return
        rule = self._rule(more, number)
        if rule is not None:
            chain.rules[at] = rule

    def _find(self, chain: IptChain, rest: str) -> int:
        """The position of the one rule that matches and does the same as `rest`; -1 for none, or several."""
        wanted = self._rules.said(self._rules.read(rest))
        same = [at for at, rule in enumerate(chain.rules) if wanted and self._rules.said(rule.words) == wanted]
        return same[0] if len(same) == 1 else -1

    def _whole_chain(self, command: str, name: str, number: int) -> bool:
        """`-N`, `-X`, `-F`, `-Z`; whether it is known what they change."""
        if command == "-N":
            return bool(name) and self._chain(name, number).line == number
        if command == "-Z":
            return True
        if name and name not in self.chains:
            return False
        for chain in [self.chains[name]] if name else list(self.chains.values()):
            if command == "-F":
                chain.rules.clear()
            elif chain.name in self._built_in or chain.rules:
                if name:
                    return False
            else:
                del self.chains[chain.name]
        return True

    def _unknown(self, line: str, number: int, why: str, chain: IptChain | None = None) -> None:
        """A line that may have put any rule in front of a chain, the one it names, or of every built-in one."""
        self._ledger.mark(number, LineState.UNSUPPORTED)
        rule = IptRule(number, RuleWords(why=why))
        named = next((self.chains[word] for word in line.split()[:3] if word in self.chains), chain)
        if named is not None:
            named.rules.insert(0, rule)
        else:
            self._anywhere.append(rule)

    def finish(self) -> None:
        """After the last line."""
        undeclared = [name for name in self._built_in if name not in self._declared]
        if undeclared and (self._table == "filter" or len(undeclared) == len(self._built_in)):
            self.unclear = True
            for name in undeclared:
                self._chain(name, self._line).fragment = True
        if self._anywhere:
            for name in self._built_in or tuple(self.chains):
                chain = self._chain(name, self._anywhere[0].line)
                chain.rules[:0] = self._anywhere
        for chain in self.chains.values():
            for rule in chain.rules:
                target = rule.words.target
                if rule.words.why:
                    self.unclear = True
                if target is None:
                    continue
                self.targets.add(target)
                # Options behind the name of a chain belong to matches, but not to which.
                known = not target.options if target.name in self.chains else target.name in TARGETS and not target.goto
                if not known:
                    self._ledger.mark(rule.line, LineState.UNSUPPORTED)
