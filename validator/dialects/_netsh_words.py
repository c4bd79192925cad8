"""The words of netsh in the languages of Windows, as far as real dumps show them.

Keys are the canonical words; an entry that no real dump confirmed is left out, and a word that
stands nowhere here is not guessed. Labels are compared in lower case without blanks around them.
"""

from __future__ import annotations

from collections.abc import Mapping

LABELS: Mapping[str, tuple[str, ...]] = {
    "name": ("Rule Name", "Regelname", "Nom de la règle", "Nombre de regla", "Nome da Regra", "Nome regola")
    + ("規則名", "规则名称", "規則名稱"),
    "description": ("Description", "Beschreibung", "説明", "Descripción", "Descrição", "Descrizione"),
    "enabled": ("Enabled", "Aktiviert", "Activé", "Habilitada", "Habilitado", "Attivata", "有効", "已启用"),
    "direction": ("Direction", "Richtung", "Dirección", "Direção", "Direzione", "方向"),
    "profiles": ("Profiles", "Profile", "Perfiles", "Perfis", "Profili", "プロファイル", "配置文件"),
    "grouping": ("Grouping", "Gruppierung", "Groupement", "Agrupamiento", "Agrupamento", "Raggruppamento")
    + ("グループ", "分组", "群組"),
    "local_ip": ("LocalIP", "Lokales IP", "ローカル IP", "本地 IP"),
    "remote_ip": ("RemoteIP", "Remote-IP", "リモート IP", "远程 IP"),
    "protocol": ("Protocol", "Protokoll", "Protocole", "Protocolo", "Protocollo", "プロトコル", "协议"),
    "local_port": ("LocalPort", "Lokaler Port", "ローカル ポート", "本地端口", "本機連接埠"),
    "remote_port": ("RemotePort", "Remoteport", "リモート ポート", "远程端口", "遠端連接埠"),
    "edge": ("Edge traversal", "Edgeausnahme", "Traversée latérale", "Cruce seguro del perímetro")
    + ("Travessia da borda", "Attraversamento confini", "エッジ トラバーサル", "边缘遍历"),
    "program": ("Program", "Programm", "Programa", "プログラム"),
    "service": ("Service", "Dienst", "サービス"),
    "interface_types": ("InterfaceTypes", "Schnittstellentypen", "Tipos de Interface", "インターフェイスの種類"),
    "remote_computers": ("RemoteComputerGroup", "リモート コンピューター グループ"),
    "remote_users": ("RemoteUserGroup", "リモート ユーザー グループ"),
    "security": ("Security", "Sicherheit", "Segurança", "セキュリティ"),
    "rule_source": ("Rule source", "Regelquelle", "Origem da Regra", "規則のソース"),
    "action": ("Action", "Aktion", "Acción", "Ação", "Azione", "操作"),
}

VALUES: Mapping[str, tuple[str, ...]] = {
    "yes": ("Yes", "Ja", "Oui", "Sí", "Sim", "はい", "是"),
    "no": ("No", "Nein", "Non", "Não", "いいえ", "否"),
    "in": ("In", "Eingehend", "Actif", "Dentro", "Entrada", "入力", "入"),
    "out": ("Out", "Aus", "Fuera", "出力"),
    "domain": ("Domain", "Domäne", "Domaine", "Dominio", "Domínio", "ドメイン", "域"),
    "private": ("Private", "Privat", "Privé", "Privada", "Particular", "プライベート", "专用"),
    "public": ("Public", "Öffentlich", "Pública", "Público", "パブリック", "公用"),
    "any": ("Any", "Beliebig", "Tout", "Cualquiera", "Qualquer", "任意", "任何"),
    "allow": ("Allow", "Zulassen", "Autoriser", "Permitir", "許可", "允许"),
    "block": ("Block", "Blockieren", "Bloquer", "Bloquear", "Blocca", "ブロック"),
    "bypass": ("Bypass", "バイパス"),
    "defer-app": ("Defer to application", "Anwendung verzögert", "Aplazar a aplicación"),
    "defer-user": ("Defer to user", "Auf Benutzer zurückstellen", "Aplazar a usuario"),
}

TERMINATORS = frozenset(("ok.", "ok", "aceptar", "确定。"))

_LABEL_OF = {word.lower(): key for key, words in LABELS.items() for word in words}
_VALUE_OF = {word.lower(): key for key, words in VALUES.items() for word in words}


def label(text: str) -> str:
    """The canonical label of a field, or empty where no language has this one."""
    return _LABEL_OF.get(text.strip().lower(), "")


def value(text: str) -> str:
    """The canonical value word, or empty where no language has this one."""
    return _VALUE_OF.get(text.strip().lower(), "")
