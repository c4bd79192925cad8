"""What a firewall of infrastructure code owes to default values, which whoever applies it may overrule.

"Input Variables" (Terraform language documentation,
https://developer.hashicorp.com/terraform/language/values/variables): values of the root module's variables come from
-var and -var-file options, .tfvars files and TF_VAR_ variables of the environment; "the default value will be used if
no value is set when calling the module or running Terraform". Only the root module's are set from outside: a module
that is called has what its caller gives it, else its default. "Parameters" (CloudFormation template reference): a
default is used "if no value is specified when a stack is created"; "Understand the structure and syntax of ARM
templates" (Azure Resource Manager documentation): "if no value is provided for the parameter".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec.structs import replace

from validator.dialects import Options
from validator.errors import UserError
from validator.model import DROP, Chain, Condition, ConditionMatch, Firewall, Rule, Verb
from validator.source import Span

NAME = "variable-defaults"
"""The assumption, as assumptions.ASSUMPTIONS has it."""
_TEXT = "variables and parameters have their default values"
_STAYING = (Verb.ACCEPT, Verb.DROP, Verb.REJECT, Verb.RETURN, Verb.DELIVER)


def assuming_defaults(make: Callable[[bool], Firewall | None], options: Options) -> Firewall | None:
    """The firewall that `make` makes of files with default values, or of those whose values nobody knows; the
    former under the assumption, or, where it is withdrawn, the latter."""
    if NAME in options.withdrawn:
        return make(False)
    made = make(True)
    if made is None:
        return None
    try:
        untold = make(False)
    except UserError:  # a group that the site names may be there by its default alone
        untold = None
    return on_defaults(made, untold)


def on_defaults(made: Firewall, untold: Firewall | None) -> Firewall:
    """`made`, a firewall as default values have it, with the assumption wherever it would be another one without them.

    `untold` is what the same files make where nobody knows those values; None where nobody can say that. A rule
    of `made` alone holds if the assumption does, one of `untold` alone if it does not. What is decided is what `made`
    decides: rules of `untold` are there to be told of.
    """
    others = untold.chains if untold else {}
    chains = {name: _marked(chain, others.get(name), made) for name, chain in made.chains.items()}
    if untold is None or untold.hooks != made.hooks or len(untold.alternatives) != len(made.alternatives):
        for name in {name for names in made.hooks.values() for name in names}:
            chain = chains[name]
            chains[name] = replace(chain, rules=(*chain.rules, _anything(made, chain)))
    return replace(made, chains=chains)


def _marked(chain: Chain, other: Chain | None, made: Firewall) -> Chain:
    """`chain` with what it has in common with `other` as it is, and the rest of both under the assumption."""
    left = Counter(map(_sense, other.rules)) if other else Counter()
    rules = []
    for rule in chain.rules:
        common = left[_sense(rule)] > 0
        left[_sense(rule)] -= common
        rules.append(rule if common else _if(rule, True, made))
    for rule in other.rules if other else ():
        if left[_sense(rule)] > 0:
            left[_sense(rule)] -= 1
            rules.append(_if(rule, False, made) if rule.action.verb in _STAYING else _anything(made, chain))
    return replace(chain, rules=tuple(rules))


def _sense(rule: Rule) -> tuple[object, ...]:
    """What a rule does, whatever it is called."""
    return rule.matches, rule.action, rule.enabled, rule.understood


def _if(rule: Rule, holds: bool, made: Firewall) -> Rule:
    path = rule.span.path or made.exports[0]
    condition = Condition(f"{NAME} of {made.host}", _TEXT, Span(path, 1), NAME, True)
    return replace(rule, matches=(*rule.matches, ConditionMatch(condition, holds)))


def _anything(made: Firewall, chain: Chain) -> Rule:
    """A rule for whatever else the files may make."""
    span = chain.policy.span if chain.policy else Span(made.exports[0], 1)
    return _if(Rule((), DROP, span, _TEXT, implicit=True, understood=False), False, made)
