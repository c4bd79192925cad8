"""The names that iptables takes for numbers: protocols, services, ICMP types.

iptables-save writes numbers; names come from files people wrote. They are listed here and not looked up in
this machine's /etc, so that the same export gives the same result everywhere. A name not here is not understood.
"""

from __future__ import annotations


def _table(text: str) -> dict[str, int]:
    """Names by number, as `80=http,www 443=https`, turned round."""
    pairs = (each.partition("=") for each in text.split())
    return {name: int(number) for number, _, names in pairs for name in names.split(",")}


PROTOCOLS = _table(
    """
    0=all,hopopt,ip 1=icmp 2=igmp 3=ggp 4=ip-encap,ipencap,ipv4 5=st 6=tcp 8=egp 9=igp 12=pup 17=udp 20=hmp
    22=xns-idp 27=rdp 29=iso-tp4 33=dccp 36=xtp 37=ddp 38=idpr-cmtp 41=ipv6 43=ipv6-route 44=ipv6-frag 45=idrp
    46=rsvp 47=gre 50=esp,ipsec-esp,ipv6-crypt 51=ah,ipsec-ah,ipv6-auth 57=skip 58=icmp6,icmpv6,ipv6-icmp
    59=ipv6-nonxt 60=ipv6-opts 73=cphb,rspf 81=vmtp 88=eigrp 89=ospf,ospfigp 93=ax.25 94=ipip 97=etherip 98=encap
    103=pim 108=ipcomp 112=vrrp 115=l2tp 124=isis 132=sctp 133=fc 135=ipv6-mh,mh,mobility-header 136=udplite
    137=mpls-in-ip 138=manet 139=hip 140=shim6 141=wesp 142=rohc 143=ethernet
    """
)
"""Names of /etc/protocols, and those that iptables knows itself (xtables_chain_protos); 0 is any protocol."""

SERVICES = _table(
    """
    1=tcpmux 7=echo 9=discard,null,sink 11=systat,users 13=daytime 15=netstat 17=qotd,quote 19=chargen,source,ttytst
    20=ftp-data 21=fsp,fspd,ftp 22=ssh 23=telnet 25=mail,smtp 37=time,timserver 43=nicname,whois 49=tacacs 53=domain
    67=bootps 68=bootpc 69=tftp 70=gopher 79=finger 80=http,www 88=kerberos,kerberos-sec,kerberos5,krb5
    102=iso-tsap,tsap 104=acr-nema 106=poppassd 110=pop-3,pop3 111=portmapper,sunrpc
    113=auth,authentication,ident,tap 119=nntp,readnews,untp 123=ntp 135=epmap,loc-srv 137=netbios-ns
    138=netbios-dgm 139=netbios-ssn 143=imap,imap2 161=snmp 162=snmp-trap,snmptrap 163=cmip-man 164=cmip-agent
    174=mailq 177=xdmcp 179=bgp 199=smux 209=qmtp 210=wais,z3950 213=ipx 319=ptp-event 320=ptp-general 345=pawserv
    346=zserv 369=rpc2portmap 370=codaauth2 371=clearcase 389=ldap 427=svrloc 443=https 444=snpp 445=microsoft-ds
    464=kpasswd 465=smtps,ssmtp,submissions,urd 487=saft 500=isakmp 512=biff,comsat,exec 513=login,who,whod
    514=cmd,shell,syslog 515=printer,spooler 517=talk 518=ntalk 520=route,routed,router 538=gdomap 540=uucp,uucpd
    543=klogin 544=krcmd,kshell 546=dhcpv6-client 547=dhcpv6-server 548=afpovertcp 554=rtsp 563=nntps,snntp
    587=submission 607=nqs 623=asf-rmcp 628=qmqp 631=ipp 636=ldaps 646=ldp 655=tinc 706=silc 749=kerberos-adm
    750=kdc,kerberos-iv,kerberos4 751=kerberos-master,kerberos_master 752=passwd-server,passwd_server
    754=hprop,krb-prop,krb5_prop,krb_prop 775=moira-db,moira_db 777=moira-update,moira_update
    779=moira-ureg,moira_ureg 783=spamd 853=domain-s 871=supfilesrv 873=rsync 989=ftps-data 990=ftps 992=telnets
    993=imaps 995=pop3s 1080=socks 1093=proofd 1094=rootd 1099=rmiregistry 1127=supfiledbg 1178=skkserv 1194=openvpn
    1210=predict 1236=rmtcfg 1313=xtel 1314=xtelw 1352=lotusnote,lotusnotes 1433=ms-sql-s 1434=ms-sql-m
    1524=ingreslock 1645=datametrics,old-radius 1646=old-radacct,sa-msg-port 1649=kermit 1677=groupwise
    1701=l2f,l2tp 1812=radius 1813=radacct,radius-acct 2000=cisco-sccp 2049=nfs 2086=gnunet 2101=rtcm-sc104
    2102=zephyr-srv 2103=zephyr-clt 2104=zephyr-hm 2119=gsigatekeeper 2121=iprop 2135=gris 2401=cvspserver
    2430=venus 2431=venus-se 2432=codasrv 2433=codasrv-se 2583=mon 2600=zebrasrv 2601=zebra 2602=ripd 2603=ripngd
    2604=ospfd 2605=bgpd 2606=ospf6d 2607=ospfapi 2608=isisd 2628=dict 2792=f5-globalsite 2811=gsiftp 2947=gpsd
    3050=gds-db,gds_db 3130=icp,icpv2 3205=isns 3260=iscsi-target 3306=mysql 3389=ms-wbt-server,rdp 3493=nut
    3632=distcc 3689=daap 3690=subversion,svn 4031=suucp 4094=sysrqd 4190=sieve 4353=f5-iquery 4369=epmd 4373=remctl
    4460=ntske 4500=ipsec-nat-t 4557=fax 4559=hylafax 4569=iax 4691=mtn 4899=radmin-port 4949=lrrd,munin 5060=sip
    5061=sip-tls 5222=jabber-client,xmpp-client 5269=jabber-server,xmpp-server 5308=cfengine 5353=mdns
    5432=postgres,postgresql 5555=rplay 5556=freeciv,rptp 5666=nrpe 5667=nsca 5671=amqps 5672=amqp 5680=canna
    6000=x11,x11-0 6001=x11-1 6002=x11-2 6003=x11-3 6004=x11-4 6005=x11-5 6006=x11-6 6007=x11-7 6346=gnutella-svc
    6347=gnutella-rtr 6379=redis 6444=sge-qmaster,sge_qmaster 6445=sge-execd,sge_execd 6446=mysql-proxy
    6514=syslog-tls 6566=sane,sane-port,saned 6667=ircd 6696=babel 6697=ircs-u 7000=afs3-fileserver,bbs
    7001=afs3-callback 7002=afs3-prserver 7003=afs3-vlserver 7004=afs3-kaserver 7005=afs3-volser 7007=afs3-bos
    7008=afs3-update 7009=afs3-rmtsys 7100=font-service,xfs 8021=zope-ftp 8080=http-alt,webcache 8081=tproxy
    8088=omniorb 8140=puppet 8990=clc-build-daemon 9098=xinetd 9101=bacula-dir 9102=bacula-fd 9103=bacula-sd
    9418=git 9667=xmms2 9673=zope 10000=webmin 10050=zabbix-agent 10051=zabbix-trapper 10080=amanda 10081=kamanda
    10082=amandaidx 10083=amidxtape 10809=nbd 11371=hkp 17001=sgi-cmsd 17002=sgi-crsd 17003=sgi-gcd 17004=sgi-cad
    17500=db-lsp 22125=dcap 22128=gsidcap 22273=wnn6 24554=binkp 27374=asp 30865=csync2 57000=dircproxy 60177=tfido
    60179=fido
    """
)
"""Names of /etc/services that mean one port in every protocol."""

ALL_CODES = (0, 255)


def _types(text: str) -> dict[str, tuple[int, tuple[int, int]]]:
    """ICMP types and codes by name, from `3=destination-unreachable 3/0=network-unreachable`."""
    found: dict[str, tuple[int, tuple[int, int]]] = {}
    for each in text.split():
        number, _, names = each.partition("=")
        kind, slash, code = number.partition("/")
        for name in names.split(","):
            found[name] = (int(kind), (int(code), int(code)) if slash else ALL_CODES)
    return found


ICMP_TYPES = _types(
    """
    -1=any 0=echo-reply,pong 3=destination-unreachable 3/0=network-unreachable 3/1=host-unreachable
    3/2=protocol-unreachable 3/3=port-unreachable 3/4=fragmentation-needed 3/5=source-route-failed
    3/6=network-unknown 3/7=host-unknown 3/9=network-prohibited 3/10=host-prohibited
    3/11=tos-network-unreachable 3/12=tos-host-unreachable 3/13=communication-prohibited
    3/14=host-precedence-violation 3/15=precedence-cutoff 4=source-quench 5=redirect 5/0=network-redirect
    5/1=host-redirect 5/2=tos-network-redirect 5/3=tos-host-redirect 8=echo-request,ping 9=router-advertisement
    10=router-solicitation 11=time-exceeded,ttl-exceeded 11/0=ttl-zero-during-transit
    11/1=ttl-zero-during-reassembly 12=parameter-problem 12/0=ip-header-bad 12/1=required-option-missing
    13=timestamp-request 14=timestamp-reply 17=address-mask-request 18=address-mask-reply
    """
)
"""`iptables -p icmp -h`; -1 is every type, which iptables also writes 255."""

ICMPV6_TYPES = _types(
    """
    1=destination-unreachable 1/0=no-route 1/1=communication-prohibited 1/2=beyond-scope
    1/3=address-unreachable 1/4=port-unreachable 1/5=failed-policy 1/6=reject-route 2=packet-too-big
    3=time-exceeded,ttl-exceeded 3/0=ttl-zero-during-transit 3/1=ttl-zero-during-reassembly
    4=parameter-problem 4/0=bad-header 4/1=unknown-header-type 4/2=unknown-option 128=echo-request,ping
    129=echo-reply,pong 133=router-solicitation 134=router-advertisement
    135=neighbour-solicitation,neighbor-solicitation 136=neighbour-advertisement,neighbor-advertisement
    137=redirect
    """
)
"""`ip6tables -p icmpv6 -h`; there is no `any` here."""
