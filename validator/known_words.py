"""The words of netsh in the languages of Windows: what a dump is recognised, decoded and read by.

A row holds a word of each of LANGUAGES, in that order, as real dumps show them; `;` parts words of several versions
of Windows, nothing stands where no dump showed the word. A word with `?` was not seen in a dump either, but in its
language it can mean nothing else (`Saída` is out, `阻止` is block); one that could mean something else is left out.
Data and lookups only: `source.py` decodes by these words, and the dialects of netsh read by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

LANGUAGES = ("en", "de", "fr", "es", "pt-BR", "it", "ja", "zh-CN", "zh-TW")


class Word(Struct, frozen=True):
    """A word of one language; `seen` where a real dump showed it."""

    text: str
    language: str
    seen: bool


Rows = Mapping[str, tuple[Word, ...]]


def _rows(**rows: str) -> Rows:
    return {key: tuple(_words(row)) for key, row in rows.items()}


def _words(row: str) -> Iterator[Word]:
    for language, cell in zip(LANGUAGES, row.split("|"), strict=True):
        for text in filter(None, (part.strip() for part in cell.split(";"))):
            yield Word(text.rstrip("?"), language, not text.endswith("?"))


LABELS = _rows(
    name="Rule Name|Regelname|Nom de la règle|Nombre de regla|Nome da Regra|Nome regola|規則名|规则名称|規則名稱",
    description="Description|Beschreibung|Description?|Descripción?|Descrição?|Descrizione?|説明||",
    enabled="Enabled|Aktiviert|Activé|Habilitada|Habilitado|Attivata|有効|已启用|",
    direction="Direction|Richtung|Direction|Dirección|Direção|Direzione|方向|方向|",
    profiles="Profiles|Profile|Profiles|Perfiles|Perfis|Profili|プロファイル|配置文件|",
    grouping="Grouping|Gruppierung|Groupement|Agrupamiento|Agrupamento|Raggruppamento|グループ|分组|群組",
    local_ip="LocalIP|Lokales IP|LocalIP|LocalIP|LocalIP|LocalIP|ローカル IP|本地 IP|LocalIP",
    remote_ip="RemoteIP|Remote-IP|RemoteIP|RemoteIP|RemoteIP|RemoteIP|リモート IP|远程 IP|RemoteIP",
    protocol="Protocol|Protokoll|Protocole|Protocolo|Protocolo|Protocollo|プロトコル|协议|",
    local_port="LocalPort|Lokaler Port|LocalPort|LocalPort|LocalPort|LocalPort|ローカル ポート|本地端口|本機連接埠",
    remote_port="RemotePort|Remoteport|RemotePort|RemotePort|RemotePort|RemotePort|リモート ポート|远程端口|遠端連接埠",
    edge="Edge traversal|Edgeausnahme|Traversée latérale|Cruce seguro del perímetro|Travessia da borda"
    "|Attraversamento confini|エッジ トラバーサル|边缘遍历|",
    program="Program|Programm|||Programa||プログラム||",
    service="Service|Dienst|||||サービス||",
    interface_types="InterfaceTypes|Schnittstellentypen|||Tipos de Interface||インターフェイスの種類||",
    remote_computers="RemoteComputerGroup||||||リモート コンピューター グループ||",
    remote_users="RemoteUserGroup||||||リモート ユーザー グループ||",
    security="Security|Sicherheit|||Segurança||セキュリティ||",
    rule_source="Rule source|Regelquelle|||Origem da Regra||規則のソース||",
    action="Action|Aktion|Action|Acción|Ação|Azione|操作|操作|",
)
"""The labels of a rule's fields."""

VALUES = _rows(
    yes="Yes|Ja|Oui|Sí|Sim|Sì?|はい|是|",
    no="No|Nein|Non|No|Não|No?|いいえ|否|",
    **{"in": "In|Eingehend|Actif|Dentro|Entrada|In|入力|入|"},
    out="Out|Aus||Fuera|Saída?|Out?|出力|出?|",
    domain="Domain|Domäne|Domaine|Dominio|Domínio||ドメイン|域|",
    private="Private|Privat|Privé|Privada|Particular||プライベート|专用|",
    public="Public|Öffentlich|Public|Pública|Público||パブリック|公用|",
    any="Any|Beliebig|Tout|Cualquiera|Qualquer||任意|任何|",
    allow="Allow|Zulassen|Autoriser|Permitir|Permitir||許可|允许|",
    block="Block|Blockieren|Bloquer|Bloquear|Bloquear?|Blocca|ブロック|阻止?|",
    bypass="Bypass||||||バイパス||",
    **{
        "defer-app": "Defer to application|Anwendung verzögert||Aplazar a aplicación|||アプリケーションに従う||",
        "defer-user": "Defer to user|Auf Benutzer zurückstellen||Aplazar a usuario|||ユーザーに従う||",
    },
)
"""The words that stand as values of a rule's fields."""

TITLES = _rows(
    domain="domain profile|domänenprofil|profil de domaine|perfil de dominio|||ドメイン プロファイル|域配置文件|",
    private="private profile|privates profil|profil privé|perfil privado|||プライベート プロファイル|专用配置文件|",
    public="public profile|öffentliches profil|profil public|perfil público|||パブリック プロファイル|公用配置文件|",
)
"""What the title of a profile's block holds, in lower case."""

STATES = _rows(on="ON|EIN|Actif|Activar?|||オン|打开;启用|", off="OFF|AUS|Inactif?|Desactivar?|||オフ|关闭;禁用|")
"""The states of a profile."""

SETTINGS = _rows(
    state="State|Status|État|Estado|||State|状态|",
    policy="Firewall Policy|Firewallrichtlinie|Stratégie de pare-feu|Directiva de firewall?|||Firewall Policy"
    "|防火墙策略|",
    enable="Enable||Activer||||有効|启用|",
    disable="Disable||Désactiver||||無効|禁用|",
)
"""The labels of a profile's state and policy, and the words of its switches."""

ENDS = _rows(
    end="Ok.|OK.|Ok.|Aceptar|Ok.||OK|确定。|",
    nothing="No rules match the specified criteria."
    "|Keine Regeln stimmen mit den angegebenen Kriterien überein.|"
    "|Ninguna regla coincide con los criterios especificados."
    "|Nenhuma regra corresponde aos critérios especificados.||指定された条件に一致する規則はありません。||",
)
"""What an output ends with: all went well, or no rule was found."""

_TELLING = frozenset(
    word.text.lower()
    for table in (LABELS, VALUES, TITLES, STATES, SETTINGS, ENDS)
    for words in table.values()
    for word in words
    if not word.text.isascii()
)
_PARTS = re.compile(r"[:：,\r\n]|\s{2,}")


def telling(text: str) -> int:
    """How many of the words in `text` are known, of those that a wrong code page would have spoilt."""
    return sum(part.strip().lower() in _TELLING for part in _PARTS.split(text))
