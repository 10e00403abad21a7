"""The problems in Brazilian Portuguese: a title and a sentence for each code."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "address_incomplete": (
        "Endereço incompleto",
        "Uma etiqueta precisa da rua do remetente e do destinatário, e esta postagem foi criada sem: `errors` lista o que falta.",
    ),
    "already_in_status": (
        "Já está nesse status",
        "A postagem já está nesse status, e a atualização não traz lugar nem descrição que façam dela uma leitura.",
    ),
    "already_recorded": ("Já registrado", "O histórico já contém exatamente este passo."),
    "api_key_not_found": ("Chave de API não encontrada", "Você não tem uma chave de API com este id que ainda valha."),
    "backlog_full": (
        "Fila cheia",
        "Atualizações de status demais esperam decisão, e nada foi feito: tente de novo depois do tempo em Retry-After.",
    ),
    "bad_request": ("Requisição inválida", "Não foi possível ler a requisição."),
    "body_too_large": (
        "Corpo grande demais",
        "O corpo é maior do que esta rota aceita: 64 KB, ou 2 MB para um lote. Divida-o.",
    ),
    "client_not_found": ("Cliente não encontrado", "Não existe um cliente com este id."),
    "client_suspended": (
        "Conta suspensa",
        "Esta conta está suspensa: nada pode ser feito com ela até que o operador deste serviço a restaure.",
    ),
    "duplicate_reference": (
        "Referência repetida",
        "A mesma referência aparece duas vezes nesta requisição: referências são únicas.",
    ),
    "email_taken": (
        "E-mail já cadastrado",
        "Já existe um cliente com este e-mail: peça um token com ele ou cadastre outro e-mail.",
    ),
    "expiry_in_past": ("Validade no passado", "expires_at está no passado: envie uma hora que ainda vem, ou nenhuma."),
    "guessable_password": (
        "Senha fácil de adivinhar",
        "Quem adivinha começa por esta senha: muita gente a usa, ou é o e-mail ou nome da conta. Use quatro palavras que ninguém juntaria.",
    ),
    "head_too_large": (
        "Cabeçalhos grandes demais",
        "Os cabeçalhos desta requisição passam de 64 KB, e nada foi feito: envie menos ou mais curtos, em uma nova conexão.",
    ),
    "history_full": ("Histórico cheio", "O histórico desta postagem chegou ao limite de 1 000 passos."),
    "idempotency_key_reused": (
        "Idempotency-Key reutilizada",
        "Esta Idempotency-Key foi usada com outra requisição: repita aquela sem mudanças ou use uma chave nova.",
    ),
    "illegal_transition": ("Transição ilegal", "O status da postagem não pode ser seguido por este."),
    "insufficient_scope": (
        "Escopo insuficiente",
        "A credencial desta requisição não tem o escopo que esta operação exige: WWW-Authenticate diz qual.",
    ),
    "internal_error": (
        "Erro interno",
        "A atualização não pôde ser decidida por um erro nosso; um operador a vê e pode mandar decidi-la de novo.",
    ),
    "invalid_credentials": ("Credenciais inválidas", "O e-mail ou a senha está errado."),
    "invalid_cursor": (
        "Cursor inválido",
        "Este cursor não é um que uma página tenha dado: use next_cursor como veio, com a mesma ordenação, ou comece sem cursor.",
    ),
    "invalid_data": ("Dado inválido", "Um valor desta requisição está fora do que pode ser guardado."),
    "invalid_grant": (
        "Refresh token inválido",
        "Este refresh token não vale mais: já foi usado, ou sua sessão terminou ou nunca começou. Entre de novo.",
    ),
    "invalid_idempotency_key": (
        "Idempotency-Key inválida",
        "Uma Idempotency-Key tem de 1 a 255 caracteres ASCII imprimíveis.",
    ),
    "invalid_scope": (
        "Escopo inválido",
        "Foi pedido um escopo que não existe ou não pode ser dado aqui: omita `scope` para receber todos os que podem.",
    ),
    "invalid_tracking_code": (
        "Código de rastreio inválido",
        "Isto não é um código de rastreio (duas letras, oito dígitos, dígito verificador, duas letras): procure um erro de digitação.",
    ),
    "label_size_unsupported": (
        "Tamanho de etiqueta não suportado",
        "ZPL é para impressoras de etiquetas, que têm a6 e 100x150: peça pdf ou png para imprimir em a4.",
    ),
    "malformed_json": (
        "JSON malformado",
        "O corpo não é um documento JSON em UTF-8 com chaves únicas e números finitos.",
    ),
    "malformed_parameters": (
        "Parâmetros malformados",
        "A query string ou o formulário não é UTF-8 com codificação percentual, ou repete um nome que só tem um valor.",
    ),
    "method_not_allowed": (
        "Método não permitido",
        "Este endereço não aceita este método: o cabeçalho Allow diz quais aceita.",
    ),
    "mistyped_api_key": (
        "Chave de API com erro de digitação",
        "Isto começa como uma chave de API, e a soma de verificação não confere: procure um erro de digitação ou caracteres perdidos.",
    ),
    "not_authenticated": (
        "Não autenticado",
        "É preciso um token de acesso (POST /api/v1/auth/token) ou uma chave de API que valha, enviado como 'Authorization: Bearer …'.",
    ),
    "not_found": ("Não encontrado", "Não há nada neste endereço: veja em /docs o que há."),
    "occurred_at_in_future": (
        "occurred_at no futuro",
        "occurred_at está mais de 5 minutos à frente do relógio do servidor: envie a hora em que aconteceu, com o fuso.",
    ),
    "operator_only": ("Só para operadores", "Só um operador pode fazer isto."),
    "own_account": ("A própria conta", "Você não pode suspender a sua própria conta: outro operador pode."),
    "out_of_sequence": (
        "Fora de sequência",
        "Na hora informada, os passos anteriores e posteriores não permitem este status.",
    ),
    "outcome_unknown": (
        "Resultado desconhecido",
        "A conexão caiu enquanto isto era gravado: repita a requisição com a mesma Idempotency-Key para saber ou para concluir.",
    ),
    "overloaded": (
        "Sobrecarregado",
        "O serviço tem mais a fazer do que consegue, e nada foi feito: tente de novo depois do tempo em Retry-After.",
    ),
    "posted_at_in_future": (
        "posted_at no futuro",
        "posted_at está mais de 5 minutos à frente do relógio do servidor: envie a hora da postagem, com o fuso.",
    ),
    "posting_held": (
        "Postagem em uso",
        "Outra transação segura esta postagem no momento, e nada foi feito: peça de novo em breve, com a mesma Idempotency-Key.",
    ),
    "posting_not_found": ("Postagem não encontrada", "Você não tem uma postagem com este código de rastreio."),
    "quota_exceeded": (
        "Cota esgotada",
        "Você esgotou uma cota, que `violated-policies` nomeia; nada foi feito. Tente de novo após Retry-After, ou use as rotas de lote.",
    ),
    "reference_taken": ("Referência já usada", "Você já tem uma postagem com esta referência."),
    "request_timeout": (
        "Requisição demorada demais",
        "A requisição não chegou a tempo, e nada foi feito: envie-a de novo, inteira, em uma nova conexão.",
    ),
    "server_error": (
        "Erro do servidor",
        "Um erro nosso. Ele está em nossos registros sob o X-Request-ID desta resposta.",
    ),
    "service_unavailable": (
        "Serviço indisponível",
        "O serviço não pode fazer isto no momento, e nada foi feito: tente de novo depois do tempo em Retry-After.",
    ),
    "shutting_down": (
        "Encerrando",
        "Este processo está prestes a parar: envie as requisições a outro.",
    ),
    "status_update_not_found": (
        "Atualização não encontrada",
        "Você não tem uma atualização de status com este id.",
    ),
    "too_many_api_keys": (
        "Chaves de API demais",
        "Você tem 50 chaves de API que ainda valem: revogue uma que ninguém usa.",
    ),
    "too_many_codes": ("Códigos demais", "Peça no máximo 50 códigos de rastreio de uma vez."),
    "too_many_webhook_endpoints": (
        "Endpoints de webhook demais",
        "Você já tem 10 endpoints de webhook: exclua um ou altere um.",
    ),
    "tracking_codes_exhausted": (
        "Códigos de rastreio esgotados",
        "Todos os códigos dos prefixos configurados foram usados: o operador deste serviço precisa acrescentar um prefixo.",
    ),
    "tracking_not_found": (
        "Rastreio não encontrado",
        "Nenhuma postagem tem este código de rastreio. Uma nova pode levar um instante para aparecer.",
    ),
    "unknown_scenario": (
        "Cenário desconhecido",
        "A referência de uma postagem de teste que começa com 'test:' indica um cenário, e esta não: test:returned@2:pedido-7 indica.",
    ),
    "unsupported_media_type": (
        "Tipo de conteúdo não aceito",
        "Envie o corpo como application/json (POST /api/v1/auth/token e /revoke: application/x-www-form-urlencoded), sem compressão.",
    ),
    "validation_failed": (
        "Validação falhou",
        "A requisição não tem a forma que esta rota aceita: `errors` lista cada lugar e o que está errado nele.",
    ),
    "webhook_delivery_not_found": (
        "Entrega de webhook não encontrada",
        "Você não tem uma entrega de webhook com este id.",
    ),
    "webhook_endpoint_not_found": (
        "Endpoint de webhook não encontrado",
        "Você não tem um endpoint de webhook com este id.",
    ),
    "webhook_url_refused": (
        "URL de webhook recusada",
        "Não se enviam webhooks a esta URL: só https, a um nome ou endereço público, porta 443 ou de 1024 em diante, sem senha.",
    ),
    "wrong_password": ("Senha errada", "A senha atual está errada, e nada foi mudado."),
}
