/** La page de la bibliothèque cliente en français ; clé pour clé celle de `words_en.js`. */
export const fr = {
  title: 'Bibliothèque cliente',
  lede: 'Un module ES sans dépendance qui garde une connexion en direct avec ce serveur : dans n’importe quelle page, et dans Node 20 ou plus récent. Il revient de lui-même après une coupure, reprend où il en était, et le dit quand quelque chose manque.',
  contents: 'Sur cette page',
  copy: 'Copier',
  copied: 'Copié',
  'file.module': 'Le module',
  'file.types': 'Ses types',
  'file.package': 'Son package.json',

  'section.start': 'Un exemple complet',
  'section.node': 'Dans Node',
  'section.options': 'Options',
  'section.members': 'Méthodes et propriétés',
  'section.events': 'Événements du serveur',
  'section.connection': 'Événements de la connexion',
  'section.states': 'États',
  'section.missed': 'Ce qui a été manqué',
  'section.delays': 'Le retour',
  'section.streams': 'Là où les WebSockets sont bloqués',
  'section.access': 'Qui l’on est',
  'section.errors': 'Erreurs',

  'head.option': 'Option',
  'head.default': 'Par défaut',
  'head.member': 'Membre',
  'head.event': 'Événement',
  'head.data': 'Données',
  'head.state': 'État',
  'head.reason': 'Raison',
  'head.code': 'Code',
  'head.error': 'Erreur',
  'head.meaning': 'Sens',

  'start.words':
    'Une liste de modules qui reste juste. La page est servie par le serveur Carillon, ou par une origine que nomme `http.allowed_origins`, et quelqu’un est connecté.',
  'start.after':
    'Un instantané (`snapshot`) est l’état entier d’un sujet ; les événements le changent ensuite. Prenez chaque `snapshot` pour la nouvelle vérité : il vient au début, et de nouveau après une lacune.',
  'node.words':
    'Le dossier `static/lib` est un paquet : `npm install ./static/lib` donne `carillon-client`. Node 22 et plus récent a son propre WebSocket ; à Node 20, donnez `ws`, ou rien : les événements viennent alors en flux par HTTP.',
  'node.after': 'La connexion garde le processus en vie jusqu’à `close()`.',
  'options.words':
    'Toutes sont facultatives. Ce que vous donnez l’emporte ; ce que vous omettez, le serveur peut le fixer pour tous ses clients (`reconnect.*` dans sa configuration) ; sinon vaut la valeur par défaut. Les durées sont en millisecondes.',
  'option.url': 'Où est le serveur : son origine, ou l’adresse de son `/ws`. Hors d’une page, il faut la donner.',
  'option.topics':
    'Sujets voulus dès le début : `modules`, `module:<id>`, `dashboard`, `admin`, `alarms`, `user:<id>`, `custom:<name>`. `{ topic, maxRate }` borne les mises à jour par seconde de chaque état.',
  'option.token':
    'Une fonction qui répond un jeton d’accès, ou ce que répond la connexion d’un compte. Elle est appelée avant chaque essai.',
  'option.ticket':
    'Une fonction qui répond un ticket de `POST /api/v1/auth/ticket`. Elle est appelée avant chaque essai.',
  'option.bookmark': 'Le `bookmark` d’un client antérieur : ce qui a été manqué depuis vient au lieu d’un instantané.',
  'option.maxReconnectAttempts': 'Nombre d’essais de suite avant que l’état devienne `offline`.',
  'option.reconnectDelay':
    'Le plus long premier délai. Il double à chaque essai ; le délai lui-même est tiré au hasard entre 0 et lui.',
  'option.maxReconnectDelay': 'Jusqu’où il double.',
  'option.offlineRetryDelay':
    'Tous les combien regarder encore après le dernier essai, pour les écrans que personne ne surveille. 0 : seulement quand le réseau revient, qu’on regarde la page ou que `reconnect()` est appelé.',
  'option.connectTimeout': 'Combien de temps un essai peut durer jusqu’à l’accueil du serveur.',
  'option.syncOnReconnect':
    'Demande ce qui a été manqué après une coupure. Sans elle, chaque connexion commence par des instantanés.',
  'option.enableStats': 'Compte dans `statistics`, et dit au serveur, s’il le souhaite, combien durent les coupures.',
  'option.transports': 'Quelles voies vers le serveur peuvent être prises.',
  'option.socketRetryDelay':
    'Sur un flux : quand regarder d’abord si les WebSockets passent ; ensuite de plus en plus rarement, jusqu’à dix minutes.',
  'option.WebSocket': 'Une autre implémentation de la même interface, comme `ws`.',
  'option.fetch': 'Une autre implémentation de `fetch`.',
  'option.onReconnect': 'Appelée avec `{ attempts, downMs }` quand une connexion perdue est de nouveau en direct.',
  'option.onDisconnect':
    'Appelée avec `{ code, reason }` quand une connexion en direct est perdue ; une fois par coupure.',
  'option.onSyncComplete':
    'Appelée après un retour, quand tout ce qui a été manqué a été traité, avec deux objets : `{ sessionId, recovered, missed, cursor }` du serveur, `{ topics, cursor, replayed }` du client.',
  'option.onHandshakeFailed': 'Appelée avec un code quand un essai n’a atteint personne ou a été refusé sans un mot.',

  'member.connect': 'Ouvre la connexion et la garde ouverte.',
  'member.close': 'Y met fin pour de bon. `connect()` recommence, par des instantanés.',
  'member.reconnect': 'Force un essai aussitôt, dans tout état ; les délais recommencent.',
  'member.subscribe':
    'Ajoute des sujets. Se résout quand le serveur a accepté ; aussitôt sans connexion. `maxRate` borne les mises à jour par seconde de chaque état, de 0,001 à 1000, jusqu’à ce qu’un autre appel nomme le sujet.',
  'member.unsubscribe': 'Abandonne des sujets.',
  'member.command': 'Envoie une commande à un module ; se résout avec sa réponse. Pas sur un flux.',
  'member.on':
    'Écoute ; répond une fonction qui cesse d’écouter. Les fonctions des événements `rt_` reçoivent les données et `{ event, at }`. Celle qui échoue est signalée dans la console et n’arrête personne d’autre ; l’événement compte comme traité et ne revient pas.',
  'member.off': 'Cesse d’écouter.',
  'member.state': 'L’état présent, voir plus bas.',
  'member.change': 'Le dernier événement `state`, pour un bandeau dessiné plus tard.',
  'member.topics': 'Les sujets voulus, connecté ou non.',
  'member.bookmark': '`{ cursor, topics }` : où en est ce client. null avant le premier accueil.',
  'member.statistics':
    '`{ received, reconnections, failures, replayed, lastReconnectMs }`, comptés depuis la création du client.',
  'members.page': 'Dans une page, `window.mc_socketReconnect()` appelle `reconnect()` de chaque client connecté.',

  'events.words':
    'Ils viennent dans l’ordre du serveur, chacun une fois, aux fonctions de leur nom. Un sujet apporte ce que vous pouvez en voir ; la télémétrie vient avec ses dernières valeurs, tout le reste un à un.',
  'event.rt_module_online': 'Un module est là.',
  'event.rt_module_offline': 'Un module est parti.',
  'event.rt_module_added': 'Un module est nouveau, ou vous pouvez le voir désormais.',
  'event.rt_module_updated': 'Un module s’appelle autrement.',
  'event.rt_module_removed': 'Un module n’existe plus, ou vous ne pouvez plus le voir.',
  'event.rt_telemetry_updated': 'Toutes les dernières valeurs d’un module.',
  'event.rt_alarm_raised': 'Une règle a trouvé une anomalie sur un module ; toute l’alarme.',
  'event.rt_alarm_acknowledged': 'Quelqu’un s’occupe d’une alarme.',
  'event.rt_alarm_cleared': 'Une alarme est terminée.',
  'event.rt_command_updated': 'Où en est une commande à un module.',
  'event.rt_twin_updated': 'L’état voulu et l’état déclaré d’un module.',
  'event.rt_emergency_stop_updated': 'Où en est un arrêt d’urgence.',
  'event.rt_user_logged_in': 'Sujet `admin` : quelqu’un est arrivé.',
  'event.rt_user_logged_out': 'Sujet `admin` : quelqu’un est parti.',
  'event.rt_user_profile_updated': 'Sujet `admin`, et à la personne : un nom ou une adresse a changé.',
  'event.rt_global_stats_updated': 'Sujet `admin` : les chiffres de la maison, au plus une fois par seconde.',
  'event.rt_…': 'Ce qui est publié par `POST /api/v1/events`.',
  'connection.words': 'Le même `on()` parle de la connexion elle-même.',
  'event.state': 'L’état a changé. `retryAt` est le moment du prochain essai, en millisecondes depuis 1970, ou null.',
  'event.welcome': 'Le serveur a répondu ; qui vous êtes, et s’il reprend au curseur (`recovered`).',
  'event.snapshot': 'L’état entier d’un sujet : après l’abonnement, et après une lacune.',
  'event.gap':
    'Ici des événements manquent : combien, ou null si personne ne peut le dire. Les instantanés de tous les sujets suivent.',
  'event.*': 'Chaque événement `rt_`, après les fonctions de son nom.',
  'event.problem': 'Le serveur a refusé ce que personne n’attend, comme un sujet des options.',
  'event.bye': 'Le serveur va fermer.',
  'event.closed': 'Une connexion ou un essai a pris fin ; l’état dit ce qui s’ensuit.',

  'states.words': 'Un bandeau a besoin de `state`, `reason` et `retryAt` ; rien d’autre ne change ce qu’il dit.',
  'state.idle': 'Avant `connect()` et après `close()`.',
  'state.connecting': 'Le premier essai.',
  'state.live': 'Connecté : ce qui est montré est ce qui est. `transport` dit par quelle voie.',
  'state.reconnecting': 'Interrompu. Un essai est en cours, ou commence à `retryAt`.',
  'state.offline': 'Interrompu, avec peu d’espoir : voir la raison. Il revient quand même de lui-même avec le réseau.',
  'state.ended': 'Fini. Seuls `reconnect()` ou `connect()` recommencent.',
  'states.reasons': 'Les raisons de `offline` (les deux premières) et de `ended` :',
  'reason.network': 'Le navigateur dit qu’il n’y a pas de réseau.',
  'reason.attempts': '`maxReconnectAttempts` essais ont été vains.',
  'reason.login':
    'La session a pris fin, a été révoquée ou a expiré, et la fonction `token` n’avait rien de plus récent.',
  'reason.forbidden': 'Le serveur ne laisse pas entrer cette personne.',
  'reason.protocol': 'Trois fois de suite le serveur et ce client ne se sont pas compris : l’un des deux est trop ancien.',

  'missed.words':
    'Avec chaque événement vient un curseur : tout a été vu jusqu’ici. Après une coupure le client remet le dernier, et le serveur envoie ce qui a été manqué : chaque événement, et de la télémétrie les dernières valeurs, dans l’ordre, rien deux fois. `onSyncComplete` dit quand c’est fait.',
  'missed.gap':
    'Si le serveur n’a plus tout, ou si le curseur est d’un autre serveur, `gap` est émis avant les instantanés. Rien ne manque jamais sans lui.',
  'missed.bookmark':
    'Le curseur vit aussi longtemps que la page. Pour le garder plus longtemps, gardez le `bookmark` avec ce que vous avez fait des événements : sans cet état, un curseur ne sert à rien.',
  'delays.words':
    'Un délai est tiré au hasard de 0 à `reconnectDelay`, doublé à chaque essai jusqu’à `maxReconnectDelay`, pour que des clients qui ont perdu un serveur ensemble ne reviennent pas ensemble. Des connexions qui cassent en moins de cinq secondes ne le raccourcissent pas.',
  'delays.back':
    'Quand le navigateur dit que le réseau est revenu, les délais recommencent ; quand on regarde de nouveau la page, l’essai suivant est fait aussitôt. Un moment que le serveur a choisi (`retryAfterMs`, `Retry-After`) passe avant tout cela.',
  'code.1002':
    'Erreur de protocole : revient ; après trois fautes de suite `ended`. Il en va de même de 1003, 1007 et 1009.',
  'code.1003': 'Un message d’un genre que le serveur n’accepte pas.',
  'code.1006': 'Perdu sans un mot : revient.',
  'code.1007': 'Un message illisible, d’un côté ou de l’autre.',
  'code.1009': 'Un message trop grand.',
  'code.1012': 'Le serveur redémarre, ou vos rôles ont changé : revient quand le serveur le dit.',
  'code.4001': 'La session a pris fin. Une fonction `token` est appelée encore une fois ; sinon `ended`.',
  'code.4003': 'Non autorisé : `ended`, jamais réessayé.',
  'code.4008': 'Trop lent trop longtemps : revient et rattrape.',
  'code.4029': 'Trop de connexions : revient quand le serveur le dit.',

  'streams.words':
    'Quand deux WebSockets de suite n’atteignent personne (quatre, là où un a déjà fonctionné), un essai sur deux est un flux d’événements (SSE) par simple HTTP. S’il fonctionne, il est utilisé, avec les mêmes événements, curseurs et lacunes ; et à côté le client regarde de temps en temps si un WebSocket passe, et y retourne alors sans rien perdre.',
  'streams.limits':
    'Un flux ne fait qu’écouter : `command()` est refusé, et `at` est le moment d’arrivée. D’autres sujets, ou un autre `maxRate`, ouvrent un nouveau flux qui reprend où était l’ancien ; un sujet nouveau commence par son instantané. Si quelque chose est dit de vous-même juste pendant que le client retourne à un WebSocket, un `gap` et des instantanés suivent.',
  'access.words':
    'Dans une page du serveur, le cookie de la session suffit. Un programme donne une fonction `token` ; `{ accessToken, expiresIn }` au lieu d’un simple jeton fait que le client demande le suivant à temps et prolonge la connexion sur place. Les jetons ne font jamais partie d’une adresse.',
  'access.origin':
    'Une page d’une autre origine doit être nommée dans `http.allowed_origins`. Si elle ne doit pas avoir de jetons, son propre serveur demande un ticket, valable une fois et 30 secondes :',

  'error.TypeError':
    'Levée par le constructeur : `url` manque hors d’une page, ou il ne reste aucune voie vers le serveur.',
  'error.RangeError': 'Levée par le constructeur, et rejette `subscribe` : un `maxRate` hors des bornes.',
  'error.RefusedError':
    'Rejette `subscribe`, `unsubscribe` et `command`. `error.problem` est ce que le serveur a dit (RFC 9457), ou porte le titre `connection lost` ou `no answer in time`. Un sujet que l’on ne peut pas avoir est abandonné.',
  'error.problem': 'La même chose, en événement, pour ce que personne n’attend.',
  'error.gap':
    'Des événements manquent : ce n’est pas une erreur de votre part, mais le moment de ne croire que les instantanés qui suivent.',
  'error.ended': 'En tant qu’état : rien ne viendra plus. Dites-le, et proposez de se reconnecter.',
};
