"""No cookies, for those who ask other servers: what an answer about one client says is not for the next one.

httpx keeps cookies for as long as its client lives, which here is the process, and as many as servers send.
"""

from http.cookiejar import CookieJar, DefaultCookiePolicy

NO_COOKIES = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # takes none, so all may share it
