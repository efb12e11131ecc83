"""Control connections as clients send them: written down from curl, lftp, FileZilla, Windows and ftplib."""

SESSIONS = {
    "curl": b"USER alice\r\nPASS a quiet walk\r\nPWD\r\nCWD secure\r\nEPSV\r\nTYPE I\r\nSTOR letter.pdf\r\n",
    "curl with TLS": b"AUTH SSL\r\nAUTH TLS\r\nUSER alice\r\nPASS x\r\nPBSZ 0\r\nPROT P\r\nPWD\r\nCWD secure\r\n",
    "lftp": b"FEAT\r\nAUTH TLS\r\nOPTS UTF8 ON\r\nOPTS MLST type;size;modify;UNIX.mode;\r\nUSER bob\r\nPASS y\r\n"
    b"TYPE I\r\nPROT P\r\nPASV\r\nALLO 4711\r\nSTOR Auftrag f\xc3\xbcr M\xc3\xbcller.pdf\r\nSITE UTIME x\r\nQUIT\r\n",
    "FileZilla": b"AUTH TLS\r\nUSER a\r\nPASS b\r\nSYST\r\nFEAT\r\nPBSZ 0\r\nPROT P\r\nPWD\r\nTYPE I\r\nPASV\r\n"
    b"MLSD\r\nCWD /secure\r\nPASV\r\nSTOR plan (2).pdf\r\nMFMT 20261120090000 plan (2).pdf\r\n",
    "Windows": b"OPTS UTF8 ON\r\nUSER alice\r\nPASS x\r\nPORT 192,0,2,7,200,13\r\nNLST\r\nTYPE I\r\nCWD secure\r\n",
    "a person who gives up": b"USER alice\r\nPASS x\r\nPASV\r\nSTOR /secure/a.pdf\r\n\xff\xf4\xffABOR\r\nSTAT\r\n",
    "telnet in the middle": b"US\xff\xfb\x01ER a\xff\xffb\r\n\xff\xf4\xff\xf2NOOP\r\n",
    "Latin-1": b"CWD K\xfcche\r\nMLST /K\xfcche\r\nXPWD\r\nCDUP\r\nREST 0\r\nMODE S\r\nSTRU F\r\nEPSV ALL\r\n",
}
